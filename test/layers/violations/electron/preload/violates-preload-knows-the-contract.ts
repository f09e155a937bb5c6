import { contract } from '../contract/index';
export const copy = contract;
