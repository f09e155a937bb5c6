import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isFailureLine, toGpuError } from './failures';

const cases = readFileSync(join(__dirname, '../../../test/fixtures/nvidia-smi/failures.txt'), 'utf8')
  .split('---\n')
  .map((text) => text.trim().split('\n'));

describe('toGpuError', () => {
  it('maps each known message to its cause, each with a repair', () => {
    const errors = cases.map((messages) => toGpuError(messages, 255));
    expect(errors.map((error) => error.code)).toEqual([
      'gpu_driver_mismatch',
      'gpu_access_lost',
      'gpu_permission_denied',
      'gpu_unavailable',
      'gpu_driver_missing',
      'gpu_driver_missing',
      'gpu_access_lost',
      'gpu_unavailable',
    ]);
    for (const error of errors) expect(error.data.repair?.text).toMatch(/\.$/);
  });

  it('names recreating the sandbox where the container lost its access', () => {
    expect(toGpuError(['Failed to initialize NVML: Unknown Error'], 255).data.repair?.text).toMatch(
      /^Recreate/,
    );
  });

  it('uses the exit status where the text is unknown', () => {
    expect(toGpuError([], 9).code).toBe('gpu_driver_missing');
    expect(toGpuError(['Etwas ganz anderes'], 15).code).toBe('gpu_access_lost');
  });

  it('repeats an unknown message instead of inventing a cause', () => {
    const error = toGpuError(['Solar flare'], 77);
    expect(error.data).toMatchObject({
      code: 'gpu_unavailable',
      message: 'nvidia-smi ended with status 77: Solar flare.',
      details: { nvidiaSmi: 'Solar flare', exitCode: 77 },
    });
  });

  it('tells failure lines from other output', () => {
    expect(cases.map(([line = '']) => isFailureLine(line))).toEqual(cases.map(() => true));
    expect(isFailureLine('0, NVIDIA L40S, 12')).toBe(false);
  });
});
