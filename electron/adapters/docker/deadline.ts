/** A signal that aborts with `outer` or after `timeoutMs`, and knows which. (AbortSignal.any needs Node 20.) */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly expired: () => boolean;
  readonly release: () => void;
}

/** `timeoutMs` null: no limit of time. Call `release` when the work has ended. */
export function createDeadline(timeoutMs: number | null, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  const timer =
    timeoutMs === null
      ? undefined
      : setTimeout(() => {
          expired = true;
          controller.abort();
        }, timeoutMs);
  const onOuterAbort = () => controller.abort();
  if (outer?.aborted) controller.abort();
  outer?.addEventListener('abort', onOuterAbort, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    release: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onOuterAbort);
    },
  };
}
