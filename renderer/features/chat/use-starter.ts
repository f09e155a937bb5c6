import { useEffect, useState } from 'react';
import type { ErrorData, StarterState } from '../../../electron/contract';
import { toLmError } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { createMirror } from '../../client/mirror';

export interface Starter {
  /** Null until the host has answered. */
  readonly state: StarterState | null;
  /** Why an action failed, else why the state cannot be read. */
  readonly error: ErrorData | null;
  readonly download: (modelId: string) => void;
  readonly cancel: () => void;
  /** It was asked to end, and has not yet. */
  readonly cancelling: boolean;
}

/** The starter models and their download, followed while somebody shows them. */
export function useStarter(): Starter {
  const host = useHost();
  const [state, setState] = useState<StarterState | null>(null);
  const [error, setError] = useState<ErrorData | null>(null);
  const [unread, setUnread] = useState<ErrorData | null>(null);
  useEffect(() => {
    const mirror = createMirror(host, () => host.call('starter.status', null), 'starter.changed');
    const follow = () => {
      const { value, error: failure } = mirror.store.getState();
      setState(value);
      setUnread(failure);
    };
    follow();
    const stop = mirror.store.subscribe(follow);
    return () => {
      stop();
      mirror.dispose();
    };
  }, [host]);
  const [cancelling, setCancelling] = useState(false);
  const attempt = (action: Promise<unknown>) => {
    setError(null);
    return action.catch((failure: unknown) => setError(toLmError(failure).data));
  };
  return {
    state,
    error: error ?? unread,
    download: (modelId) => void attempt(host.call('starter.download', { modelId })),
    cancel: () => {
      setCancelling(true);
      void attempt(host.call('starter.cancel', null)).then(() => setCancelling(false));
    },
    cancelling,
  };
}
