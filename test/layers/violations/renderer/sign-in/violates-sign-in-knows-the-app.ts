import { one } from '../features/one/one';
export const copy = one;
