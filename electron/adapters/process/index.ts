export { createProcessStarter } from './local-process';
