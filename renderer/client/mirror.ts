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
  let generation = 0;

  const accept = (value: T, fromFetch: boolean, fetchedIn: number) => {
    const current = store.getState().value;
    // After a restart of the host revisions begin anew, so a fetch of a new connection always wins.
    if (fromFetch && fetchedIn === generation && current && current.revision > value.revision) return;
    store.setState({ status: 'ready', value, error: null });
  };

  const refresh = async () => {
    const startedIn = generation;
    try {
      accept(await fetch(), true, startedIn);
    } catch (error) {
      if (client.connectionState !== 'connected') return;
      store.setState({ status: 'failed', error: toLmError(error).data });
    }
  };

  const stopEvents = client.on(event, (payload) => accept(payload as T, false, generation));
  const stopConnection = client.onConnectionChanged((state) => {
    if (state !== 'connected') return;
    generation += 1;
    store.setState({ value: store.getState().value });
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
