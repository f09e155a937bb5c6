import { one } from '../../renderer/features/one/index';
export const copy = one;
