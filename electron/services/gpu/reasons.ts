import { LmError, type EngineGpu, type ErrorData } from '../../contract';

/**
 * Why a container made for the CPU shows no GPU: that it was chosen, or that the engine has none to give, with
 * the engine's own reason.
 */
export function describeCpuChoice(engineGpu: EngineGpu | null): ErrorData {
  const engineReason = engineGpu?.error ?? null;
  if (engineReason) {
    return new LmError('gpu_not_requested', `This sandbox was created for CPU. ${engineReason.message}`, {
      details: { ...engineReason.details, engineCode: engineReason.code },
      repair: engineReason.repair
        ? { text: engineReason.repair.text, command: engineReason.repair.command ?? undefined }
        : null,
    }).data;
  }
  return new LmError('gpu_not_requested', 'This sandbox was created for CPU.', {
    repair: { text: 'To use the GPU, recreate the sandbox with GPU; its workspace and models are kept.' },
  }).data;
}

/** nvidia-smi lists the GPUs, but each value is an error. */
export function describeLostGpus(): ErrorData {
  return new LmError('gpu_access_lost', 'The driver lists the GPU but can no longer read anything of it.', {
    repair: { text: 'Recreate the sandbox; if the GPU stays away, restart the computer.' },
    retryable: true,
  }).data;
}

export function describeSilence(silentMs: number): ErrorData {
  return new LmError(
    'gpu_unavailable',
    `nvidia-smi has given no reading for ${Math.round(silentMs / 1000)} seconds: the driver hangs.`,
    {
      repair: { text: 'Wait a moment. If it stays so, restart the computer.' },
      retryable: true,
    },
  ).data;
}
