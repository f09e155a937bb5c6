import { host } from '../../../electron/host/create-host';
export const copy = host;
