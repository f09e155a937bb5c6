import { second } from './cycle-partner';
export const first = () => second;
