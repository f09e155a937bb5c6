import { createContext, useContext, useLayoutEffect, useState, type ReactNode } from 'react';
import { useStore } from 'zustand';
import type {
  EmbeddedStatus,
  EngineState,
  SandboxPlace,
  SandboxStatus,
  SettingsState,
} from '../../electron/contract';
import type { HostClient } from '../../electron/rpc/client-types';
import { useHost } from './host-context';
import { createMirror, type Mirror, type MirrorStore } from './mirror';

/** What the host says of engine, sandboxes and settings: fetched once per page, whoever looks at it. */
export interface HostState {
  readonly engine: MirrorStore<EngineState>;
  readonly sandbox: MirrorStore<SandboxStatus>;
  readonly embedded: MirrorStore<EmbeddedStatus>;
  readonly settings: MirrorStore<SettingsState>;
  dispose(): void;
}

export function createHostState(host: HostClient): HostState {
  const engine = createMirror(host, () => host.call('engine.status', null), 'engine.changed');
  const sandbox = createMirror(host, () => host.call('sandbox.status', null), 'sandbox.changed');
  const embedded = createMirror(host, () => host.call('embedded.status', null), 'embedded.changed');
  const settings = createMirror(host, () => host.call('settings.get', null), 'settings.changed');
  return {
    engine,
    sandbox,
    embedded,
    settings,
    dispose: () => {
      engine.dispose();
      sandbox.dispose();
      embedded.dispose();
      settings.dispose();
    },
  };
}

const HostStateContext = createContext<HostState | null>(null);

/** Follows the host of the HostProvider above it. */
export function HostStateProvider({ children }: { readonly children: ReactNode }) {
  const host = useHost();
  const [state, setState] = useState<HostState | null>(null);

  // A layout effect, so that the first frame that is painted has the window in it already.
  useLayoutEffect(() => {
    const created = createHostState(host);
    setState(created);
    return () => {
      created.dispose();
      setState(null);
    };
  }, [host]);

  if (!state) return null;
  return <HostStateContext.Provider value={state}>{children}</HostStateContext.Provider>;
}

export function useHostState(): HostState {
  const state = useContext(HostStateContext);
  if (!state) throw new Error('useHostState needs a HostStateProvider above it.');
  return state;
}

export function useEngine(): Mirror<EngineState> {
  return useStore(useHostState().engine.store);
}

export function useSandbox(): Mirror<SandboxStatus> {
  return useStore(useHostState().sandbox.store);
}

export function useEmbedded(): Mirror<EmbeddedStatus> {
  return useStore(useHostState().embedded.store);
}

/** Where the person works; the container until the host has said otherwise. */
export function usePlace(): SandboxPlace {
  return useSettings().value?.settings.sandboxPlace ?? 'container';
}

export function useSettings(): Mirror<SettingsState> {
  return useStore(useHostState().settings.store);
}
