import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findResourceControl } from './limits';

const gibibyte = 1024 ** 3;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-limits-'));
  await mkdir(join(folder, 'bin'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A stand-in that writes down what it was called with; no systemd manages anything here. */
async function scripted(name: string, exitCode: number): Promise<void> {
  const file = join(folder, 'bin', name);
  const says = exitCode === 0 ? '' : 'echo "Failed to connect to bus: No such file or directory" >&2; ';
  await writeFile(file, `#!/bin/sh\necho "$*" >> ${folder}/${name}.log\n${says}exit ${exitCode}\n`);
  await chmod(file, 0o755);
}

const env = () => ({
  PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
  XDG_RUNTIME_DIR: '/run/user/1',
  SECRET: 'x',
});

describe('who holds memory and CPU', () => {
  it('is nobody, and nobody is asked, where no limit is wished', async () => {
    await scripted('systemctl', 0);
    const control = await findResourceControl(
      { memoryBytes: null, cpus: null, processes: 64 },
      env(),
      folder,
    );
    expect(control).toMatchObject({ heldBy: null, problem: null, prefix: [], joinFile: null });
    expect(await readdir(folder)).toEqual(['bin']);
  });

  it('is systemd where it runs, for everything inside together (scripted systemd)', async () => {
    await scripted('systemctl', 0);
    await scripted('systemd-run', 0);
    const wishes = { memoryBytes: 2 * gibibyte, cpus: 1.5, processes: 64 };
    const control = await findResourceControl(wishes, env(), folder);
    const whose = process.getuid?.() === 0 ? '' : '--user ';
    expect(await readFile(join(folder, 'systemctl.log'), 'utf8')).toBe(
      `${whose}set-property --runtime lmsandbox.slice MemoryMax=2147483648 MemorySwapMax=0 CPUQuota=150% TasksMax=64\n`,
    );
    expect(await readFile(join(folder, 'systemd-run.log'), 'utf8')).toBe(
      `${whose}--scope --quiet --collect --slice=lmsandbox.slice -- true\n`,
    );
    expect(control).toMatchObject({ heldBy: 'systemd', environment: { XDG_RUNTIME_DIR: '/run/user/1' } });
    expect(control.prefix.at(-1)).toBe('--');
    expect(control.environment).not.toHaveProperty('SECRET');
  });

  it('is a control group where there is no systemd and it can be made', async () => {
    await scripted('systemctl', 1);
    const root = join(folder, 'cgroup');
    await mkdir(root);
    await writeFile(join(root, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
    await writeFile(join(root, 'cgroup.subtree_control'), '');
    const control = await findResourceControl(
      { memoryBytes: gibibyte, cpus: 0.5, processes: 99 },
      env(),
      root,
    );
    expect(control.heldBy).toBe('control-group');
    const group = join(control.joinFile ?? '', '..');
    expect(await readFile(join(root, 'cgroup.subtree_control'), 'utf8')).toBe('+memory +cpu +pids');
    expect(await readFile(join(group, 'memory.max'), 'utf8')).toBe(String(gibibyte));
    expect(await readFile(join(group, 'cpu.max'), 'utf8')).toBe('50000 100000');
    expect(await readFile(join(group, 'pids.max'), 'utf8')).toBe('99');
    // A process has moved there once, as each launch will.
    expect(await readFile(control.joinFile ?? '', 'utf8')).toMatch(/^\d+\n$/);
  });

  it('is nobody where neither works, with both reasons', async () => {
    await scripted('systemctl', 1);
    await writeFile(join(folder, 'cgroup.controllers'), 'cpuset\n');
    const control = await findResourceControl(
      { memoryBytes: gibibyte, cpus: null, processes: 99 },
      env(),
      folder,
    );
    expect(control).toMatchObject({ heldBy: null, prefix: [], joinFile: null });
    expect(control.problem).toContain('Failed to connect to bus');
    expect(control.problem).toContain('offers no memory, pids');
  });
});
