export interface LogRecord {
  readonly timeMs: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly scope: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger whose records carry `scope`. */
  child(scope: string): Logger;
}

/** A logger that hands each record to `write`; errors in fields are turned into their stack. */
export function createLogger(write: (record: LogRecord) => void, scope = 'host'): Logger {
  const log =
    (level: LogRecord['level']) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const readable: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(fields)) {
        readable[key] = value instanceof Error ? (value.stack ?? value.message) : value;
      }
      write({ timeMs: Date.now(), level, scope, message, fields: readable });
    };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (childScope) => createLogger(write, `${scope}.${childScope}`),
  };
}

export const silentLogger: Logger = createLogger(() => undefined);
