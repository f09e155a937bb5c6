import { inner } from '../services/a/index';
export const copy = inner;
