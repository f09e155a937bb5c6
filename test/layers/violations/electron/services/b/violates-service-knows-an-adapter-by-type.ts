import type { x } from '../../adapters/x/index';
export type X = typeof x;
