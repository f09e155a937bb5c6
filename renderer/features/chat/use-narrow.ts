import { useLayoutEffect, useRef, useState, type RefObject } from 'react';

/** Below this the list of conversations and the messages do not fit side by side. */
const narrowBelowPixels = 560;

/** Whether the pane is narrow right now, whatever the window's size. */
export function useNarrow(): { readonly pane: RefObject<HTMLElement | null>; readonly narrow: boolean } {
  const pane = useRef<HTMLElement>(null);
  const [narrow, setNarrow] = useState(false);
  useLayoutEffect(() => {
    const element = pane.current;
    if (!element) return;
    const measure = () => setNarrow(element.clientWidth > 0 && element.clientWidth < narrowBelowPixels);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { pane, narrow };
}
