export { createNvidiaSmiProbe } from './nvidia-smi-probe';
