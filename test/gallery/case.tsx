import type { ReactNode } from 'react';

/** One thing to look at, in one state. */
export interface GalleryCase {
  /** `Setup/engine missing`; the part before the slash is its heading in the list. */
  readonly name: string;
  /** Called once when the case is opened. Views fill the window; wrap smaller things in `Sheet`. */
  readonly render: () => ReactNode;
}
