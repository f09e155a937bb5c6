import { expect, it } from 'vitest';
import { openPlace, ordinaryUserId, runLaunch } from './harness';
import { describeWithBubblewrap } from './with-bubblewrap';

const mebibyte = 1024 ** 2;
const users = process.getuid?.() === 0 ? [0, ordinaryUserId] : [process.getuid?.() ?? null];

describeWithBubblewrap('the limits of the embedded sandbox', () => {
  it('hold memory, or are shown as not held with the reason', async () => {
    const place = await openPlace(process.getuid?.() ?? null, { memoryBytes: 256 * mebibyte, cpus: 1 });
    try {
      const { limits } = place.prepared;
      const { exitCode } = await runLaunch(
        place.prepared.launch({
          command: ['perl', '-e', `$text = "x" x ${600 * mebibyte}; exit(length($text) > 1 ? 7 : 1)`],
          terminal: false,
        }),
        { userId: place.userId },
      );
      if (limits.memoryBytes.heldBy === null) {
        expect(limits.memoryBytes.problem).toMatch(/systemd .+ control group/);
        expect(limits.cpus).toEqual({ ...limits.memoryBytes, wanted: 1 });
        expect(exitCode).toBe(7);
      } else {
        expect(limits.memoryBytes.problem).toBeNull();
        expect(exitCode).not.toBe(7);
      }
    } finally {
      await place.remove();
    }
  });

  it.each(users)('of processes, files and core dumps cannot be raised inside (user %s)', async (userId) => {
    const place = await openPlace(userId, { processes: 100 });
    try {
      const { limits } = place.prepared;
      expect(limits.processes).toEqual({ wanted: 100, heldBy: 'process-limit', problem: null });
      expect(limits.openFiles.heldBy).toBe('process-limit');
      const { output, exitCode } = await runLaunch(
        place.prepared.launch({
          command: [
            '/bin/bash',
            '-c',
            'echo "$(ulimit -u) $(ulimit -c)"; ulimit -u 101 || ulimit -c 1 || ulimit -n $(($(ulimit -H -n) + 1))',
          ],
          terminal: false,
        }),
        { userId },
      );
      expect(output).toMatch(/^100 0\n/);
      expect(exitCode).not.toBe(0);
    } finally {
      await place.remove();
    }
  });
});
