export { createNvidiaSmiProbe } from './nvidia-smi-probe';
export { toComputerGpuError } from './computer-failures';
