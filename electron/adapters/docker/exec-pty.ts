import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { LmError } from '../../contract';
import type { Pty, PtyBackend, PtyEnd, TerminalSize } from '../../services/terminal/ports';
import type { DockerConnectionProvider } from './connection';
import { requestNothing } from './engine-http';
import { mapEngineFailure } from './error-table';
import { hangUpFunctions, hangUpGraceMs } from './hang-up';
import { ShellKeeper, type KeptShell } from './shell-keeper';

/** Names the processes of one terminal in the container, since the Engine API cannot end an exec. */
const markerVariable = 'LM_SANDBOX_TERMINAL';

/** Reads as login shell of the image's user; `TERM` names what xterm.js implements. */
const shellCommand = ['/bin/bash', '-l'];
const workspace = '/workspace';

const hangUpScript = `${hangUpFunctions}
hang_up "$1"
`;

/** 128 and SIGKILL: how everything in a container ends when its first process has. */
const killedExitCode = 137;
/** The engine calls a container stopped some milliseconds after its shells were killed; a busy computer takes longer. */
const containerEndMs = 2_000;
const goneWithContainer: ReadonlySet<string> = new Set([
  'not_found',
  'container_missing',
  'container_not_running',
]);

export interface DockerPtyBackendDeps {
  readonly connection: DockerConnectionProvider;
  /** Id of the running container; throws an LmError while there is none. */
  readonly containerId: () => string;
}

/** Shells as TTY execs of the Engine API: works on remote engines, needs no docker program. */
export function createDockerPtyBackend(deps: DockerPtyBackendDeps): PtyBackend {
  const keep = ShellKeeper.perContainer();
  return {
    open: async (size, program) => {
      const { docker, apiVersion } = deps.connection();
      const container = docker.getContainer(deps.containerId());
      const marker = `${markerVariable}=${randomUUID()}`;
      let kept: KeptShell | null = null;
      try {
        kept = await keep(container);
        const run = container.inspect();
        run.catch(() => undefined);
        const exec = await container.exec({
          Cmd: [...(program?.command ?? shellCommand)],
          ...(program?.workingFolder && { WorkingDir: path.posix.resolve(workspace, program.workingFolder) }),
          Tty: true,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          Env: [
            'TERM=xterm-256color',
            'COLORTERM=truecolor',
            ...Object.entries(program?.environment ?? {}).map(([name, value]) => `${name}=${value}`),
            marker,
            kept.variable,
          ],
          // Engines from API 1.42 start at this size; older ones ignore it and are resized below.
          ConsoleSize: [size.rows, size.columns],
        });
        const socket = await exec.start({ hijack: true, stdin: true, Tty: true });
        const containerStartedAt = (await run).State.StartedAt;
        const pty = new DockerExecPty({ docker, container, containerStartedAt, exec, socket, marker, kept });
        if (!atLeast(apiVersion, 1, 42)) pty.resize(size);
        return pty;
      } catch (error) {
        kept?.release();
        throw mapEngineFailure(error, { action: 'run a shell in the container' });
      }
    },
  };
}

interface StartedShell {
  readonly docker: Docker;
  readonly container: Docker.Container;
  /** In the engine's words; another one is another run of the container. */
  readonly containerStartedAt: string;
  readonly exec: Docker.Exec;
  readonly socket: Duplex;
  /** The entry of its environment by which it is found. */
  readonly marker: string;
  readonly kept: KeptShell;
}

class DockerExecPty implements Pty {
  readonly place = 'container';
  private dataListener: ((bytes: Uint8Array) => void) | null = null;
  private readonly early: Uint8Array[] = [];
  private endListener: ((end: PtyEnd) => void) | null = null;
  private end: PtyEnd | null = null;
  private ending = false;
  private socketError: Error | null = null;

  constructor(private readonly shell: StartedShell) {
    const { socket } = shell;
    socket.on('data', (bytes: Buffer) => {
      if (this.dataListener) this.dataListener(bytes);
      else this.early.push(bytes);
    });
    socket.on('error', (error: Error) => {
      this.socketError = error;
    });
    socket.on('end', () => void this.finish());
    socket.on('close', () => void this.finish());
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.dataListener = listener;
    for (const bytes of this.early.splice(0)) listener(bytes);
  }

  onEnd(listener: (end: PtyEnd) => void): void {
    this.endListener = listener;
    if (this.end) listener(this.end);
  }

  write(bytes: Uint8Array): void {
    if (!this.ending) this.shell.socket.write(bytes);
  }

  resize({ columns, rows }: TerminalSize): void {
    // A shell that ends at this moment cannot be resized; its end is reported by itself.
    this.shell.exec.resize({ w: columns, h: rows }).catch(() => undefined);
  }

  pause(): void {
    this.shell.socket.pause();
  }

  resume(): void {
    this.shell.socket.resume();
  }

  async kill(): Promise<void> {
    if (this.end) return;
    this.shell.socket.resume();
    try {
      const hangUp = await this.shell.container.exec({
        Cmd: ['/bin/sh', '-c', hangUpScript, 'hang-up', this.shell.marker],
      });
      const output = await hangUp.start({});
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, hangUpGraceMs + 2_000);
        const done = () => {
          clearTimeout(timer);
          resolve();
        };
        output.on('end', done);
        output.on('close', done);
        output.on('error', done);
        output.resume();
      });
    } catch (error) {
      const known = mapEngineFailure(error, { action: 'run a shell in the container' });
      // Without a container or an engine there is no shell left to end.
      if (known.code === 'engine_failed') throw known;
    } finally {
      this.shell.socket.destroy();
      this.shell.kept.release();
    }
  }

  /** The stream is over: ask the engine whether the shell has ended, and how. */
  private async finish(): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    this.end = await this.readEnd();
    this.shell.kept.release();
    this.endListener?.(this.end);
  }

  private async readEnd(): Promise<PtyEnd> {
    try {
      const { Running, ExitCode } = await this.shell.docker.getExec(this.shell.exec.id).inspect();
      if (Running) return lost(this.socketError);
      if (ExitCode === killedExitCode && (await this.endedWithContainer())) return stopped();
      return { kind: 'exited', exitCode: ExitCode };
    } catch (error) {
      const known = mapEngineFailure(error, { action: 'run a shell in the container' });
      // Where the container went away its execs did too; else the engine did.
      return goneWithContainer.has(known.code) ? stopped() : lost(error instanceof Error ? error : null);
    }
  }

  /** Shells are killed a moment before the engine calls their container stopped; it may run anew already. */
  private async endedWithContainer(): Promise<boolean> {
    const { container, containerStartedAt, docker } = this.shell;
    const { State } = await container.inspect();
    if (!State.Running || State.StartedAt !== containerStartedAt) return true;
    try {
      await requestNothing(docker, {
        method: 'POST',
        path: `/containers/${container.id}/wait`,
        query: { condition: 'not-running' },
        expect: [200],
        action: 'say when the container stops',
        timeoutMs: containerEndMs,
      });
      return true;
    } catch (error) {
      if (error instanceof LmError && error.code === 'engine_not_responding') return false;
      throw error;
    }
  }
}

const newTerminal = { repair: { text: 'Open a new terminal when the sandbox runs again.' } };

function stopped(): PtyEnd {
  return {
    kind: 'lost',
    error: new LmError(
      'container_not_running',
      'The sandbox was stopped, and this shell with it.',
      newTerminal,
    ),
  };
}

function lost(cause: Error | null): PtyEnd {
  return {
    kind: 'lost',
    error: new LmError('engine_connection_lost', 'The connection to the container engine was lost.', {
      ...newTerminal,
      cause,
    }),
  };
}

function atLeast(apiVersion: string, major: number, minor: number): boolean {
  const [haveMajor = 0, haveMinor = 0] = apiVersion.split('.').map(Number);
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}
