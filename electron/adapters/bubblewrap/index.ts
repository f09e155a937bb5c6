export { createEmbeddedRuntime, type EmbeddedRuntimeOptions } from './embedded-runtime';
export { countInside } from './process-table';
