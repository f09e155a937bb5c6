import { LmError, type HostDescription } from '../../contract';
import type { MethodRoutes } from './route';

/** What the host asks of the desktop it runs under. */
export interface DesktopShell {
  openExternal(url: string): void;
}

export function createAppRoutes(deps: {
  readonly description: HostDescription;
  readonly shell: DesktopShell | null;
  /** Null for a host that ends otherwise. */
  readonly endHost: (() => void) | null;
}): {
  readonly methods: Pick<MethodRoutes, 'host.describe' | 'host.end' | 'app.openExternal'>;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'host.describe': () => deps.description,
      'host.end': () => {
        if (!deps.endHost) {
          throw new LmError('unsupported', 'This host was not started in the background.', {
            repair: { text: 'Quit the app, or end the program that it runs in (Ctrl+C).' },
          });
        }
        // After the answer.
        setImmediate(deps.endHost);
        return null;
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
