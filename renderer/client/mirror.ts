import { createStore, type StoreApi } from 'zustand/vanilla';
import { toLmError, type ErrorData, type EventName, type EventPayload } from '../../electron/contract';
import type { HostClient } from '../../electron/rpc/client-types';

/** A copy of host state in the page: never edited here, only replaced by what the host says. */
export interface Mirror<T> {
  readonly status: 'loading' | 'ready' | 'failed';
  /** The last value seen; kept while the connection is lost. */
  readonly value: T | null;
  readonly error: ErrorData | null;
}

export interface MirrorStore<T> {
  readonly store: StoreApi<Mirror<T>>;
  refresh(): Promise<void>;
  dispose(): void;
}

/**
 * Fetches once, follows `event`, and fetches again after each reconnect. A fetched value older than one that an
 * event brought meanwhile is dropped, by revision.
 */
export function createMirror<E extends EventName, T extends EventPayload<E> & { revision: number }>(
  client: HostClient,
  fetch: () => Promise<T>,
  event: E,
): MirrorStore<T> {
  const store = createStore<Mirror<T>>(() => ({ status: 'loading', value: null, error: null }));
  // A host that was restarted counts its revisions anew, so they compare only within one connection.
  let connection = 0;
  let newest = { connection: -1, revision: -1 };

  const accept = (value: T, seenOn: number) => {
    if (seenOn < newest.connection) return;
    if (seenOn === newest.connection && value.revision < newest.revision) return;
    newest = { connection: seenOn, revision: value.revision };
    store.setState({ status: 'ready', value, error: null });
  };

  const refresh = async () => {
    const startedOn = connection;
    try {
      accept(await fetch(), startedOn);
    } catch (error) {
      // The connection went meanwhile: the value stays, and the next connection fetches again.
      if (client.connectionState !== 'connected' || startedOn !== connection) return;
      store.setState({ status: 'failed', error: toLmError(error).data });
    }
  };

  const stopEvents = client.on(event, (payload) => accept(payload as T, connection));
  const stopConnection = client.onConnectionChanged((state) => {
    if (state !== 'connected') return;
    connection += 1;
    void refresh();
  });
  if (client.connectionState === 'connected') void refresh();

  return {
    store,
    refresh,
    dispose: () => {
      stopEvents();
      stopConnection();
    },
  };
}
