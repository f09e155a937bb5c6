export { createEmbeddedRuntime, type EmbeddedRuntimeOptions } from './embedded-runtime';
export { countBelow } from './process-table';
