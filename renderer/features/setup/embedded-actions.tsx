import { createContext, useContext, useState, type ReactNode } from 'react';
import { createStore, useStore, type StoreApi } from 'zustand';
import { toLmError, type ErrorData } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { useHost } from '../../client/host-context';
import type { EmbeddedOperation } from '../../lib/embedded-state';

type Pending = EmbeddedOperation | 'place';

/** What this page asked of the embedded sandbox and did not get. */
export interface EmbeddedActionState {
  readonly pending: Pending | null;
  readonly error: ErrorData | null;
}

export interface EmbeddedActions {
  readonly store: StoreApi<EmbeddedActionState>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly consent: (remember: boolean) => Promise<void>;
  readonly setNetwork: (network: boolean) => Promise<void>;
  /** Makes the embedded sandbox the place to work, and starts it. */
  readonly choose: () => Promise<void>;
  /** Back to a container; what runs in the embedded sandbox is ended. */
  readonly leave: () => Promise<void>;
  readonly dismissError: () => void;
}

export function createEmbeddedActions(host: HostClient): EmbeddedActions {
  const store = createStore<EmbeddedActionState>(() => ({ pending: null, error: null }));
  const run = async (pending: Pending, work: () => Promise<unknown>): Promise<void> => {
    if (store.getState().pending) return;
    store.setState({ pending, error: null });
    try {
      await work();
      store.setState({ pending: null });
    } catch (error) {
      store.setState({ pending: null, error: toLmError(error).data });
    }
  };
  return {
    store,
    start: () => run('start', () => host.call('embedded.start', null)),
    stop: () => run('stop', () => host.call('embedded.stop', null)),
    restart: () => run('restart', () => host.call('embedded.restart', null)),
    consent: (remember) => run('consent', () => host.call('embedded.consent', { remember })),
    setNetwork: (network) => run('network', () => host.call('embedded.setNetwork', { network })),
    // The host follows the setting by itself.
    choose: () => run('place', () => host.call('settings.update', { sandboxPlace: 'embedded' })),
    leave: () => run('place', () => host.call('settings.update', { sandboxPlace: 'container' })),
    dismissError: () => store.setState({ error: null }),
  };
}

const ActionsContext = createContext<EmbeddedActions | null>(null);

/** One set of actions for the status bar and the sandbox view, so that both show the same operation. */
export function EmbeddedActionsProvider({ children }: { readonly children: ReactNode }) {
  const host = useHost();
  const [actions] = useState(() => createEmbeddedActions(host));
  return <ActionsContext.Provider value={actions}>{children}</ActionsContext.Provider>;
}

export function useEmbeddedActions(): EmbeddedActions {
  const actions = useContext(ActionsContext);
  if (!actions) throw new Error('useEmbeddedActions needs an EmbeddedActionsProvider above it.');
  return actions;
}

export function useEmbeddedActionState(): EmbeddedActionState {
  return useStore(useEmbeddedActions().store);
}
