import { one } from '../one/index';
export const two = one;
