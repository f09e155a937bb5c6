import { useEffect, useState } from 'react';
import type { HostClient } from '../../electron/rpc/client-types';
import { useHost } from './host-context';
import type { MirrorStore } from './mirror';

/**
 * A mirror for as long as the component is shown; null before its first effect.
 * @param create Defined outside of the component: another function makes another mirror.
 */
export function useMirror<T>(create: (host: HostClient) => MirrorStore<T>): MirrorStore<T> | null {
  const host = useHost();
  const [mirror, setMirror] = useState<MirrorStore<T> | null>(null);
  useEffect(() => {
    const created = create(host);
    setMirror(created);
    return () => created.dispose();
  }, [host, create]);
  return mirror;
}
