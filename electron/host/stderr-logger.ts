import { createLogger, type Logger } from '../services/foundation';

/** One JSON line a record on standard error; `debug` only when LM_SANDBOX_LOG=debug. */
export function createStderrLogger(): Logger {
  const withDebug = process.env['LM_SANDBOX_LOG'] === 'debug';
  return createLogger((record) => {
    if (record.level === 'debug' && !withDebug) return;
    process.stderr.write(`${JSON.stringify({ time: new Date(record.timeMs).toISOString(), ...record })}\n`);
  });
}
