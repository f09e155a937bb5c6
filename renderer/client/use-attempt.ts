import { useState } from 'react';
import { toLmError, type ErrorData } from '../../electron/contract';

/** What a person asks for here, one thing after another; `failure` is that of the last, until the next begins. */
export function useAttempt(): {
  readonly failure: ErrorData | null;
  readonly attempt: (work: () => Promise<unknown>) => Promise<void>;
} {
  const [failure, setFailure] = useState<ErrorData | null>(null);
  const attempt = async (work: () => Promise<unknown>) => {
    setFailure(null);
    try {
      await work();
    } catch (reason) {
      setFailure(toLmError(reason).data);
    }
  };
  return { failure, attempt };
}
