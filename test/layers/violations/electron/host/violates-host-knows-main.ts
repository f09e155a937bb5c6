import { main } from '../main/index';
export const copy = main;
