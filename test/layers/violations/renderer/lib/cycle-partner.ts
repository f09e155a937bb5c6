import { first } from './violates-cycle-first';
export const second = () => first;
