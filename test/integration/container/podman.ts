import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Null where it can be run; else why not, for a skipped test's name. */
export const podmanMissing: string | null =
  process.getuid?.() !== 0
    ? 'needs root'
    : existsSync('/usr/bin/podman') && existsSync('/usr/bin/catatonit')
      ? null
      : 'needs the packages podman and catatonit (apt-get install podman catatonit)';

/**
 * As root Podman asks for a million processes per container, which a nested machine may not give; only that
 * request is taken out before runc sees it.
 */
const runtimeScript = `#!/bin/sh
previous=
for argument in "$@"; do
  case $previous in
    --bundle) file=$argument/config.json ;;
    --process) file=$argument ;;
    *) file= ;;
  esac
  if [ -n "$file" ]; then sed -i 's/,"rlimits":\\[[^]]*\\]//' "$file"; fi
  previous=$argument
done
exec runc "$@"
`;

export interface Podman {
  readonly host: string;
  /** Runs podman's own command line; named as in the other engines of the tests. */
  docker(args: readonly string[]): Promise<{ readonly stdout: string }>;
  stop(): Promise<void>;
}

/** A Podman service with storage of its own. */
export async function startPodman(): Promise<Podman> {
  const folder = await mkdtemp(join(tmpdir(), 'lm-podman-'));
  const socket = join(folder, 'podman.sock');
  await mkdir(join(folder, 'tmp'));
  const runtime = join(folder, 'runc-without-limits');
  await writeFile(runtime, runtimeScript, { mode: 0o755 });
  const options = [
    ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')],
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file', '--runtime', runtime],
  ];
  const service: ChildProcess = spawn(
    'podman',
    [...options, 'system', 'service', '--time', '0', `unix://${socket}`],
    {
      stdio: 'ignore',
    },
  );
  await untilListening(socket, service);
  const docker = (args: readonly string[]) => execute('podman', [...options, ...args]);
  return {
    host: `unix://${socket}`,
    docker,
    stop: async () => {
      await docker(['rm', '--all', '--force', '--time', '1']);
      service.kill('SIGTERM');
      if (service.exitCode === null && service.signalCode === null) await once(service, 'exit');
      await docker(['system', 'reset', '--force']).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening(socket: string, service: ChildProcess): Promise<void> {
  const giveUpAtMs = Date.now() + 30_000;
  while (Date.now() < giveUpAtMs) {
    if (service.exitCode !== null) throw new Error(`podman ended with ${service.exitCode}.`);
    const connection = connect(socket);
    const answered = await Promise.race([
      once(connection, 'connect').then(() => true),
      once(connection, 'error').then(() => false),
    ]).catch(() => false);
    connection.destroy();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('podman did not listen within 30 s.');
}
