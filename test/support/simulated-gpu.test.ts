import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const program = fileURLToPath(new URL('simulated-gpu/nvidia-smi', import.meta.url));

describe('the stand-in for nvidia-smi', () => {
  it('names its GPU simulated', async () => {
    expect((await run(program, ['-L'])).stdout).toMatch(
      /^GPU 0: Simulated GPU \(UUID: GPU-[\da-f-]{36}\)\n$/,
    );
  });

  it('answers a query in rows with units, and keeps units in the header without them in the rows', async () => {
    const query = '--query-gpu=index,memory.total,temperature.memory,ecc.errors.uncorrected.volatile.total';
    const header = 'index, memory.total [MiB], temperature.memory, ecc.errors.uncorrected.volatile.total';
    expect((await run(program, [query, '--format=csv'])).stdout).toBe(
      `${header}\n0, 16376 MiB, N/A, [N/A]\n`,
    );
    expect((await run(program, [query, '--format=csv,nounits'])).stdout).toBe(
      `${header}\n0, 16376, N/A, [N/A]\n`,
    );
  });

  it('lists its fields and fails as a whole on one that it does not know', async () => {
    const { stdout } = await run(program, ['--help-query-gpu']);
    expect(stdout).toContain('"utilization.gpu"');
    await expect(run(program, ['--query-gpu=index,nonsense', '--format=csv'])).rejects.toMatchObject({
      code: 2,
      stdout: 'Field "nonsense" is not a valid field to query.\n\n',
    });
  });

  it('accounts for all its memory at every moment', async () => {
    const query = '--query-gpu=memory.total,memory.reserved,memory.used,memory.free';
    const { stdout } = await run(program, [query, '--format=csv,noheader,nounits']);
    const [total = 0, ...parts] = stdout.split(', ').map(Number);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total);
  });
});
