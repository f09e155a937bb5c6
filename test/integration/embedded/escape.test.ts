import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, open, readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLocalPtyLauncher } from '../../../electron/adapters/pty/local-pty';
import type { Launch, LocalPty } from '../../../electron/services/embedded';
import { attempts, callNumbers, type Attempt } from './attempts';
import {
  asUser,
  give,
  openPlace,
  ordinaryUserId,
  plainLaunch,
  runLaunch,
  type Outcome,
  type TestPlace,
} from './harness';
import { describeWithBubblewrap } from './with-bubblewrap';

const asRoot = process.getuid?.() === 0;
/** Root's programs run as nobody, others' in a user namespace: two ways to get out, so each is tried. */
const users = asRoot
  ? [
      { name: 'of an app that runs as root', userId: 0 },
      { name: 'of an app of an ordinary user', userId: ordinaryUserId },
    ]
  : [{ name: 'of an app of an ordinary user', userId: process.getuid?.() ?? null }];

const outsideProgram = `
  use Socket;
  syscall(${callNumbers.prctl}, 0x59616d61, -1);
  socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("\\0$ENV{ABSTRACT}")); listen(S, 5);
  $| = 1; print "ready"; sleep 600 while 1;
`;

const mark = `lm-escape-${process.pid}`;

for (const { name, userId } of users) {
  describeWithBubblewrap(`a program ${name}`, () => {
    let place: TestPlace;
    let outside: ChildProcess;
    let terminal: LocalPty;
    let folder: FileHandle;
    const servers: Server[] = [];
    let variables: Record<string, string>;

    beforeAll(async () => {
      place = await openPlace(userId, { processes: 256 });
      const { victim, dataFolder, runtime } = place;
      await writeFile(join(dataFolder, 'settings.json'), '{}');
      await writeFile(join(victim, 'notes'), 'private\n');
      await mkdir(join(victim, '.ssh'), { mode: 0o700 });
      await writeFile(join(victim, '.ssh', 'id_ed25519'), 'a key\n', { mode: 0o600 });
      const rootId = join(runtime.folders.workspace, 'root-id');
      await copyFile('/usr/bin/id', rootId);
      folder = await open(victim);

      const listen = async (path: string | number) => {
        const server = createServer((socket) => socket.end());
        servers.push(server);
        server.listen(typeof path === 'number' ? { host: '127.0.0.1', port: path } : { path });
        await once(server, 'listening');
        return server;
      };
      const tcp = await listen(0);
      const socket = join(victim, 'docker.sock');
      await listen(socket);

      const [shell, ...shellArguments] = [
        ...asUser(userId),
        // Lets itself be traced by anybody, and listens on an abstract socket.
        ...['perl', '-e', outsideProgram, mark],
      ];
      outside = spawn(shell ?? '', shellArguments, {
        env: { PATH: process.env.PATH, LM_ESCAPE_SECRET: 'yes', ABSTRACT: `${mark}-${userId}` },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      if (outside.stdout) await once(outside.stdout, 'data');

      const waiting = plainLaunch(['/bin/bash', '-c', 'tty; sleep 600'], {});
      terminal = await createLocalPtyLauncher().open({ columns: 80, rows: 24 }, waiting, 'unisolated');
      const pts = await new Promise<string>((resolve) =>
        terminal.onData((bytes) => resolve(new TextDecoder().decode(bytes).trim())),
      );

      if (asRoot && userId !== null && userId !== 0) {
        await give(victim, userId);
        await chown(join(dataFolder, 'settings.json'), userId, userId);
        await chown(pts, userId, userId);
        // After the owner, whose change takes the bit away.
        await chown(rootId, 0, 0);
        await chmod(rootId, 0o4755);
      }
      variables = {
        ...{ VICTIM: victim, DATA: dataFolder, HOST_PID: String(outside.pid), MARK: mark },
        PORT: String((tcp.address() as AddressInfo).port),
        ...{ SOCKET: socket, ABSTRACT: `${mark}-${userId}`, PTS: pts },
      };
    });
    afterAll(async () => {
      for (const server of servers) server.close();
      outside?.kill('SIGKILL');
      await terminal?.kill();
      await folder?.close();
      await place?.remove();
    });

    const runAs = (launch: Launch, attempt: Attempt): Promise<Outcome> =>
      runLaunch(launch, {
        userId,
        prefix: attempt.arrange === undefined ? [] : ['perl', '-e', attempt.arrange, '--'],
        ...(attempt.withInheritedFolder ? { inherited: folder.fd } : {}),
      });
    const commandOf = (attempt: Attempt): [string, string, string] => ['/bin/bash', '-c', attempt.program];
    const inside = (attempt: Attempt, launchOf = place) =>
      runAs(
        launchOf.prepared.launch({
          command: commandOf(attempt),
          terminal: false,
          environment: { ...variables, WORK: launchOf.runtime.inside.workspace },
        }),
        attempt,
      );
    const onTheComputer = (attempt: Attempt) =>
      runAs(
        plainLaunch(commandOf(attempt), { ...variables, WORK: place.runtime.folders.workspace }),
        attempt,
      );

    const possible = attempts.filter(({ by }) => by === 'everybody' || (by === 'root') === (userId === 0));
    // The file with the set-user-id bit can be made by root only.
    const tried = possible
      .filter(({ by }) => by !== 'ordinary' || asRoot)
      .map((attempt) => [attempt.does, attempt] as const);

    it.for(tried)('cannot %s', async ([, attempt]) => {
      const isolated = await inside(attempt);
      expect(isolated, isolated.output).not.toMatchObject({ exitCode: 0 });
      // Killed, or never begun, would be no answer.
      expect(isolated.exitCode, isolated.output).toBeGreaterThan(0);
      expect(isolated.output).not.toMatch(/^bwrap:/m);
    });

    it.for(tried)('could %s without the sandbox, so the attempt is one', async ([, attempt], { skip }) => {
      const plain = await onTheComputer(attempt);
      if (plain.exitCode !== 0 && attempt.dependsOnKernel) {
        skip(`this kernel or machine does not let anybody: ${plain.output.trim().slice(0, 200)}`);
      }
      expect(plain, plain.output).toMatchObject({ exitCode: 0 });
    });

    it('reaches what it should: its own files, its own loopback, its own processes', async () => {
      const works: Attempt = {
        does: 'work',
        by: 'everybody',
        program: [
          'set -e',
          'echo text > ~/file && echo text > "$WORK/file" && echo text > /tmp/file && echo text > /dev/shm/file',
          'perl -e "sleep 60" & kill -0 $! && kill $!',
          'getent passwd "$(id -u)" > /dev/null && [ "$(id -un)" = sandbox ] && [ "$(hostname)" = sandbox ]',
          `perl -e 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(0, INADDR_LOOPBACK)) or exit 1; listen(S, 1); ($p) = sockaddr_in(getsockname(S)); socket(C, PF_INET, SOCK_STREAM, 0); exit(connect(C, sockaddr_in($p, INADDR_LOOPBACK)) ? 0 : 1)'`,
        ].join('\n'),
      };
      expect(await inside(works)).toMatchObject({ exitCode: 0 });
      expect(await readFile(join(place.runtime.folders.workspace, 'file'), 'utf8')).toBe('text\n');
    });

    it("reaches the computer's network only once it is switched on", async () => {
      const connect = attempts.find(({ does }) => does.includes('127.0.0.1'))!;
      const open = await openPlace(userId, { network: true });
      try {
        expect(await inside(connect, open)).toMatchObject({ exitCode: 0 });
      } finally {
        await open.remove();
      }
    });

    it('has no capability and cannot gain one', async () => {
      const look: Attempt = { does: '', by: 'everybody', program: 'cat /proc/self/status /proc/1/status' };
      const { output } = await inside(look);
      const capabilities = [...output.matchAll(/^Cap(?:Prm|Eff|Amb|Inh):\t(\w+)$/gm)].map(
        ([, value]) => value,
      );
      expect(capabilities.slice(0, 4)).toEqual(Array(4).fill('0000000000000000'));
      expect(output).toMatch(/^NoNewPrivs:\t1$/m);
      expect(output).toMatch(/^Seccomp:\t2$/m);
    });

    it('cannot push input into the terminal that it was started from', async () => {
      const pushes = `perl -e 'open(T, "+<", "/dev/tty") or exit 1; $c = "x"; exit(ioctl(T, 0x5412, $c) ? 0 : 1)'`;
      const run = async (launch: Launch) => {
        const pty = await createLocalPtyLauncher().open(
          { columns: 80, rows: 24 },
          { ...launch, command: [...asUser(userId), ...launch.command] as [string, ...string[]] },
          'embedded',
        );
        return new Promise<number | null>((resolve) => {
          pty.onData(() => undefined);
          pty.onEnd((end) => resolve(end.kind === 'exited' ? end.exitCode : null));
        });
      };
      const command: [string, string, string] = ['/bin/bash', '-c', pushes];
      expect(await run(place.prepared.launch({ command, terminal: false }))).toBe(1);
      // Its own terminal, on which nobody but itself reads: closed too.
      expect(await run(place.prepared.launch({ command, terminal: true }))).toBe(1);
      const allowed = (await readFile('/proc/sys/dev/tty/legacy_tiocsti', 'utf8').catch(() => '1')).trim();
      if (allowed === '1' || userId === 0) expect(await run(plainLaunch(command, {}))).toBe(0);
    });
  });
}
