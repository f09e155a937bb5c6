import { one } from '../features/one/index';
export const copy = one;
