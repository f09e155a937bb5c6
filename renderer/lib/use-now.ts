import { useEffect, useState } from 'react';

/**
 * The time of day in ms, renewed every `everyMs` while the page is visible; null stands still. For clocks and
 * "5 minutes ago".
 */
export function useNow(everyMs: number | null): number {
  const [nowMs, setNowMs] = useState(() => Date.now());

  useEffect(() => {
    if (everyMs === null) return;
    const tick = () => {
      if (!document.hidden) setNowMs(Date.now());
    };
    tick();
    const timer = setInterval(tick, everyMs);
    document.addEventListener('visibilitychange', tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', tick);
    };
  }, [everyMs]);

  return nowMs;
}
