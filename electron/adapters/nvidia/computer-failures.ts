import { LmError } from '../../contract';
import { toGpuError } from './failures';

const notFoundExitCode = 127;

/** The same where nvidia-smi runs on this computer itself: there is no container to make anew. */
export function toComputerGpuError(messages: readonly string[], exitCode: number | null): LmError {
  const inContainer = toGpuError(messages, exitCode);
  const { details } = inContainer.data;
  if (exitCode === notFoundExitCode || /nvidia-smi: (command )?not found/i.test(messages.join('\n'))) {
    return new LmError(
      'gpu_not_requested',
      'This computer has no nvidia-smi, so there is no NVIDIA driver.',
      {
        details,
        repair: { text: 'Without an NVIDIA GPU there is nothing to do. With one, install its driver.' },
      },
    );
  }
  const repairs: Partial<Record<LmError['code'], { readonly message: string; readonly text: string }>> = {
    gpu_access_lost: { message: 'The GPU stopped answering its driver.', text: 'Restart the computer.' },
    gpu_permission_denied: {
      message: 'Your user may not use the GPU: the system denies access to its device files.',
      text: 'Add your user to the group that owns /dev/nvidia0, then log out and in again.',
    },
    gpu_driver_missing: {
      message: 'The NVIDIA driver is not loaded.',
      text: 'Install or load it, then restart the computer.',
    },
    gpu_driver_mismatch: { message: inContainer.message, text: 'Restart the computer.' },
  };
  const known = repairs[inContainer.code];
  if (!known) return inContainer;
  return new LmError(inContainer.code, known.message, {
    details,
    repair: { text: known.text },
    retryable: true,
  });
}
