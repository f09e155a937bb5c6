import { describe, expect, it } from 'vitest';
import { toComputerGpuError } from './computer-failures';

describe('why nvidia-smi gives nothing on this computer', () => {
  it.each([
    { said: 'nvidia-smi: not found', exitCode: 127, code: 'gpu_not_requested', retryable: false },
    {
      said: "couldn't communicate with the NVIDIA driver",
      exitCode: 9,
      code: 'gpu_driver_missing',
      retryable: true,
    },
    { said: 'Driver/library version mismatch', exitCode: 18, code: 'gpu_driver_mismatch', retryable: true },
    { said: 'Insufficient Permissions', exitCode: 4, code: 'gpu_permission_denied', retryable: true },
    {
      said: 'Failed to initialize NVML: Unknown Error',
      exitCode: 255,
      code: 'gpu_access_lost',
      retryable: true,
    },
    { said: 'something new', exitCode: 3, code: 'gpu_unavailable', retryable: true },
  ])('is $code for "$said", and speaks of no container', ({ said, exitCode, code, retryable }) => {
    const { data } = toComputerGpuError([said], exitCode);
    expect(data).toMatchObject({ code, retryable });
    expect(`${data.message} ${data.repair?.text ?? ''} ${data.repair?.command ?? ''}`).not.toMatch(
      /container|setsebool|recreate/i,
    );
  });
});
