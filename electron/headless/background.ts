import type { Host } from '../host/create-host';

const defaultIdleMs = 5 * 60_000;

/** `LM_SANDBOX_IDLE_SECONDS`, else five minutes. */
export function idleLimitMs(env: NodeJS.ProcessEnv): number {
  const seconds = Number(env['LM_SANDBOX_IDLE_SECONDS']);
  return seconds > 0 ? seconds * 1_000 : defaultIdleMs;
}

/** Calls `end` when nobody has needed the host for so long: see `Host.needs`. */
export function endWhenUnneeded(host: Pick<Host, 'needs'>, idleMs: number, end: () => void): void {
  const lookEveryMs = Math.min(15_000, idleMs / 4);
  let lastNeededMs = Date.now();
  let ended = false;
  const look = async () => {
    if ((await host.needs()).length > 0) {
      lastNeededMs = Date.now();
    } else if (Date.now() - lastNeededMs >= idleMs && !ended) {
      ended = true;
      clearInterval(timer);
      end();
    }
  };
  // Keeps the process alive: the host's own timers do not.
  const timer = setInterval(() => void look(), lookEveryMs);
}
