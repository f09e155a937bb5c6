import { contract, menuCommandSchema, type Settings } from '../../contract';
import type { RpcClient } from '../../rpc/client';
import type { Transport } from '../../rpc/transport';
import { connectLocalHost, localHostClient } from './local-client';

export interface AttachedHostDeps {
  readonly socketPath: string;
  readonly onTheme: (theme: Settings['theme']) => void;
  readonly openExternal: (url: string) => void;
  /** The host has ended, or its connection broke. */
  readonly onLost: () => void;
}

/** What a window's process needs of a host, its own or one that runs elsewhere. */
export interface AttachedHost {
  connect(page: Transport, connectionId: string): void;
  invokeCommand(connectionId: string, command: string): void;
  dispose(): void;
}

/**
 * A host that another process runs, for the pages of this one. Frames are passed on as they are, credit included,
 * so that a slow page is slow to that host and not to anything in between. Only what a desktop alone can do is done
 * here. Null when no host answers, or one that speaks another version.
 */
export async function attachToHost(deps: AttachedHostDeps): Promise<AttachedHost | null> {
  const local = await localHostClient(deps.socketPath);
  if (!local) return null;
  const { client } = local;
  const pages = new Map<string, Transport>();
  let disposed = false;
  client.onConnectionChanged((state) => {
    if (state !== 'lost' || disposed) return;
    for (const page of pages.values()) page.close();
    deps.onLost();
  });
  followTheme(client, deps.onTheme);

  const join = async (page: Transport, connectionId: string) => {
    const host = await connectLocalHost(deps.socketPath);
    if (!host) {
      page.close();
      return;
    }
    pages.set(connectionId, page);
    host.onFrame((frame) => page.send(frame));
    page.onFrame((frame) => {
      const call = externalCall(frame);
      if (!call) {
        host.send(frame);
        return;
      }
      deps.openExternal(call.url);
      page.send({ type: 'result', id: call.id, value: null });
    });
    host.onClose(() => page.close());
    page.onClose(() => {
      pages.delete(connectionId);
      host.close();
    });
  };

  return {
    connect: (page, connectionId) => void join(page, connectionId),
    invokeCommand: (connectionId, command) => {
      const parsed = menuCommandSchema.safeParse(command);
      if (!parsed.success) return;
      pages
        .get(connectionId)
        ?.send({ type: 'event', name: 'app.commandInvoked', payload: { command: parsed.data } });
    },
    dispose: () => {
      disposed = true;
      local.close();
    },
  };
}

function followTheme(client: RpcClient, onTheme: AttachedHostDeps['onTheme']): void {
  client.on('settings.changed', ({ settings }) => onTheme(settings.theme));
  client.call('settings.get', null).then(
    ({ settings }) => onTheme(settings.theme),
    // The connection was lost, which is told by itself.
    () => undefined,
  );
}

/** A page's wish to open an address; whatever does not fit the contract is left to the host to refuse. */
function externalCall(frame: unknown): { readonly id: number; readonly url: string } | null {
  if (typeof frame !== 'object' || frame === null) return null;
  if (Reflect.get(frame, 'type') !== 'call' || Reflect.get(frame, 'method') !== 'app.openExternal')
    return null;
  const id: unknown = Reflect.get(frame, 'id');
  const input = contract.methods['app.openExternal'].input.safeParse(Reflect.get(frame, 'input'));
  return typeof id === 'number' && input.success ? { id, url: input.data.url } : null;
}
