import { x } from '../x/index';
export const y = x;
