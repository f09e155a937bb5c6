export { Emitter, type Unsubscribe } from './emitter';
export { systemClock, type Clock } from './clock';
export { createLogger, silentLogger, type Logger, type LogRecord } from './logger';
export type { Disposable } from './disposable';
