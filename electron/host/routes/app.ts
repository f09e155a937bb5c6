import { LmError, type HostDescription, type HostNeed } from '../../contract';
import type { MethodRoutes } from './route';

/** What the host asks of the desktop it runs under. */
export interface DesktopShell {
  openExternal(url: string): void;
}

/** How a host that nobody looks at ends. */
export interface BackgroundLife {
  /** What would be lost if it ended now, or who would; one connection may be left out. */
  readonly needs: (exceptConnectionId: string) => Promise<HostNeed[]>;
  readonly takeNobodyOn: () => void;
  readonly end: () => void;
}

export function createAppRoutes(deps: {
  readonly description: HostDescription;
  readonly shell: DesktopShell | null;
  /** Null for a host that ends otherwise. */
  readonly background: BackgroundLife | null;
}): {
  readonly methods: Pick<
    MethodRoutes,
    'host.describe' | 'host.end' | 'host.endIfUnneeded' | 'app.openExternal'
  >;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'host.describe': () => deps.description,
      'host.end': () => {
        const { end } = requireBackground(deps.background);
        // After the answer.
        setImmediate(end);
        return null;
      },
      'host.endIfUnneeded': async (_input, { connectionId }) => {
        const { end, needs, takeNobodyOn } = requireBackground(deps.background);
        const neededBy = await needs(connectionId);
        if (neededBy.length === 0) {
          // In the same turn: nobody comes in between, to be cut off at once.
          takeNobodyOn();
          setImmediate(end);
        }
        return { neededBy };
      },
      'app.openExternal': ({ url }) => {
        if (!deps.shell) {
          throw new LmError('unsupported', 'Links are opened by the desktop app only.', {
            repair: { text: 'Copy the address into a browser.' },
          });
        }
        deps.shell.openExternal(url);
        return null;
      },
    },
    streams: {},
  };
}

function requireBackground(background: BackgroundLife | null): BackgroundLife {
  if (background) return background;
  throw new LmError('unsupported', 'This host was not started in the background.', {
    repair: { text: 'Quit the app, or end the program that it runs in (Ctrl+C).' },
  });
}
