import { useSyncExternalStore } from 'react';
import type { ConnectionState } from '../../electron/rpc/client-types';
import { useHost } from './host-context';

export function useConnectionState(): ConnectionState {
  const host = useHost();
  return useSyncExternalStore(
    (listener) => host.onConnectionChanged(listener),
    () => host.connectionState,
  );
}
