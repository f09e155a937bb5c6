import { inner } from '../a/inner';
export const copy = inner;
