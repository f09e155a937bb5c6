import { second } from './with-a-partner';
export const first = () => second;
