import { createContext, useContext, useState, type ReactNode } from 'react';
import { createStore, useStore, type StoreApi } from 'zustand';
import {
  toLmError,
  type ErrorData,
  type GpuChoice,
  type SandboxOperation,
  type SandboxStatus,
} from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { useHost } from '../../client/host-context';
import { EmbeddedActionsProvider } from './embedded-actions';

/** What this page asked of the sandbox and did not get. The state itself is the host's, in its mirror. */
export interface SandboxActionState {
  /** The operation this page waits for. */
  readonly pending: SandboxOperation | null;
  readonly error: ErrorData | null;
}

export interface SandboxActions {
  readonly store: StoreApi<SandboxActionState>;
  /** Creates the container and starts it when creating alone did not. */
  readonly create: (gpu: GpuChoice) => Promise<void>;
  readonly adopt: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly recreate: (gpu: GpuChoice) => Promise<void>;
  readonly remove: (removeVolumes: boolean) => Promise<void>;
  readonly dismissError: () => void;
}

export function createSandboxActions(host: HostClient): SandboxActions {
  const store = createStore<SandboxActionState>(() => ({ pending: null, error: null }));

  const run = async (operation: SandboxOperation, work: () => Promise<SandboxStatus>): Promise<void> => {
    if (store.getState().pending) return;
    store.setState({ pending: operation, error: null });
    try {
      await work();
      store.setState({ pending: null });
    } catch (error) {
      store.setState({ pending: null, error: toLmError(error).data });
    }
  };
  const startIfCreated = async (status: SandboxStatus) =>
    status.phase === 'created' || status.phase === 'stopped' ? host.call('sandbox.start', null) : status;

  return {
    store,
    create: (gpu) => run('create', async () => startIfCreated(await host.call('sandbox.create', { gpu }))),
    adopt: () => run('adopt', () => host.call('sandbox.adopt', null)),
    start: () => run('start', () => host.call('sandbox.start', null)),
    stop: () => run('stop', () => host.call('sandbox.stop', null)),
    restart: () => run('restart', () => host.call('sandbox.restart', null)),
    recreate: (gpu) =>
      run('recreate', async () => startIfCreated(await host.call('sandbox.recreate', { gpu }))),
    remove: (removeVolumes) => run('remove', () => host.call('sandbox.remove', { removeVolumes })),
    dismissError: () => store.setState({ error: null }),
  };
}

const ActionsContext = createContext<SandboxActions | null>(null);

/** One set of actions for the status bar and the sandbox view, so that both show the same operation; both places. */
export function SandboxActionsProvider({ children }: { readonly children: ReactNode }) {
  const host = useHost();
  const [actions] = useState(() => createSandboxActions(host));
  return (
    <ActionsContext.Provider value={actions}>
      <EmbeddedActionsProvider>{children}</EmbeddedActionsProvider>
    </ActionsContext.Provider>
  );
}

export function useSandboxActions(): SandboxActions {
  const actions = useContext(ActionsContext);
  if (!actions) throw new Error('useSandboxActions needs a SandboxActionsProvider above it.');
  return actions;
}

export function useSandboxActionState(): SandboxActionState {
  return useStore(useSandboxActions().store);
}
