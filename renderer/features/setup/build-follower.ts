import { createStore, type StoreApi } from 'zustand';
import { toLmError, type BuildState, type ErrorData } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { createLineRing, type LineRing } from './line-ring';

export interface BuildFollowerState {
  /** `loading` until the host has said whether there is a build. */
  readonly status: 'loading' | 'ready';
  /** The running or last build; null when there was none. */
  readonly build: BuildState | null;
  /** A build was asked for and the host has not answered yet. */
  readonly starting: boolean;
  readonly cancelling: boolean;
  /** Why a build could not be started, cancelled or followed. */
  readonly error: ErrorData | null;
}

export interface BuildFollower {
  readonly store: StoreApi<BuildFollowerState>;
  readonly log: LineRing;
  build(withoutCache: boolean): Promise<void>;
  cancel(): Promise<void>;
  dispose(): void;
}

/** Follows the image build of the host, whoever started it: state in a store, the log outside of it. */
export function createBuildFollower(host: HostClient): BuildFollower {
  const store = createStore<BuildFollowerState>(() => ({
    status: 'loading',
    build: null,
    starting: false,
    cancelling: false,
    error: null,
  }));
  const log = createLineRing();

  const accept = (build: BuildState | null) => {
    const current = store.getState().build;
    // The event of a state and the snapshot of the stream travel apart; the newer one stays.
    const older = current && build && current.id === build.id && build.revision < current.revision;
    if (older) return;
    // A build begun while the stream is open: the log so far belongs to the one before.
    if (current && build && current.id !== build.id) log.clear();
    store.setState({
      status: 'ready',
      build,
      ...(build && build.status !== 'running' ? { cancelling: false } : {}),
    });
  };

  const watching = host.watch('image.watchBuildLog', null, {
    onChunk: (chunk, consumed) => {
      if (chunk.kind === 'snapshot') {
        accept(chunk.build);
        log.replace(chunk.logLines);
      } else {
        log.append(chunk.lines);
      }
      consumed();
    },
    onError: (error) => store.setState({ status: 'ready', error: error.data }),
  });
  const stopEvents = host.on('image.buildChanged', accept);

  return {
    store,
    log,
    build: async (withoutCache) => {
      if (store.getState().starting) return;
      store.setState({ starting: true, error: null });
      try {
        accept(await host.call('image.build', { withoutCache }));
        store.setState({ starting: false });
      } catch (error) {
        store.setState({ starting: false, error: toLmError(error).data });
      }
    },
    cancel: async () => {
      store.setState({ cancelling: true, error: null });
      try {
        await host.call('image.cancelBuild', null);
      } catch (error) {
        store.setState({ cancelling: false, error: toLmError(error).data });
      }
    },
    dispose: () => {
      watching.close();
      stopEvents();
      log.dispose();
    },
  };
}
