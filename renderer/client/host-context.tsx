import { createContext, useContext } from 'react';
import type { HostClient } from '../../electron/rpc/client-types';

const HostContext = createContext<HostClient | null>(null);

export const HostProvider = HostContext.Provider;

/** The page's connection to the host. */
export function useHost(): HostClient {
  const client = useContext(HostContext);
  if (!client) throw new Error('useHost needs a HostProvider above it.');
  return client;
}
