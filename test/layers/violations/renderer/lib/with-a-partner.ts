import { first } from './violates-cycle';
export const second = () => first;
