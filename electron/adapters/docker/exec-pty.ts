import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { LmError } from '../../contract';
import type { Pty, PtyBackend, PtyEnd, TerminalSize } from '../../services/terminal/ports';
import type { DockerConnectionProvider } from './connection';
import { mapEngineFailure } from './error-table';

/** Names the processes of one terminal in the container, since the Engine API cannot end an exec. */
const markerVariable = 'LM_SANDBOX_TERMINAL';
const hangUpGraceMs = 3_000;

/** Reads as login shell of the image's user; `TERM` names what xterm.js implements. */
const shellCommand = ['/bin/bash', '-l'];

/**
 * Hangs up, as a closed window would, the session leader whose environment carries the marker, and kills it after
 * three seconds. Children that asked to survive a hang-up (nohup, setsid, tmux) do.
 */
const hangUpScript = `
find_leader() {
  for directory in /proc/[0-9]*; do
    pid=\${directory#/proc/}
    if tr '\\0' '\\n' 2>/dev/null < "$directory/environ" | grep -qx "$1"; then
      set -- "$1" $(cut -d ' ' -f 6 "$directory/stat" 2>/dev/null)
      if [ "$2" = "$pid" ]; then echo "$pid"; return; fi
    fi
  done
}
leader=$(find_leader "$1")
[ -n "$leader" ] || exit 0
kill -HUP "$leader" 2>/dev/null
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  sleep 0.2
  kill -0 "$leader" 2>/dev/null || exit 0
done
kill -KILL "$leader" 2>/dev/null
exit 0
`;

export interface DockerPtyBackendDeps {
  readonly connection: DockerConnectionProvider;
  /** Id of the running container; throws an LmError while there is none. */
  readonly containerId: () => string;
}

/** Shells as TTY execs of the Engine API: works on remote engines, needs no docker program. */
export function createDockerPtyBackend(deps: DockerPtyBackendDeps): PtyBackend {
  return {
    open: async (size) => {
      const { docker, apiVersion } = deps.connection();
      const container = docker.getContainer(deps.containerId());
      const marker = randomUUID();
      try {
        const exec = await container.exec({
          Cmd: shellCommand,
          Tty: true,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          Env: ['TERM=xterm-256color', 'COLORTERM=truecolor', `${markerVariable}=${marker}`],
          // Engines from API 1.42 start at this size; older ones ignore it and are resized below.
          ConsoleSize: [size.rows, size.columns],
        });
        const socket = await exec.start({ hijack: true, stdin: true, Tty: true });
        const pty = new DockerExecPty(docker, container, exec, socket, `${markerVariable}=${marker}`);
        if (!atLeast(apiVersion, 1, 42)) pty.resize(size);
        return pty;
      } catch (error) {
        throw mapEngineFailure(error, { action: 'run a shell in the container' });
      }
    },
  };
}

class DockerExecPty implements Pty {
  private dataListener: ((bytes: Uint8Array) => void) | null = null;
  private readonly early: Uint8Array[] = [];
  private endListener: ((end: PtyEnd) => void) | null = null;
  private end: PtyEnd | null = null;
  private ending = false;
  private socketError: Error | null = null;

  constructor(
    private readonly docker: Docker,
    private readonly container: Docker.Container,
    private readonly exec: Docker.Exec,
    private readonly socket: Duplex,
    private readonly marker: string,
  ) {
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
    if (!this.ending) this.socket.write(bytes);
  }

  resize({ columns, rows }: TerminalSize): void {
    // A shell that ends at this moment cannot be resized; its end is reported by itself.
    this.exec.resize({ w: columns, h: rows }).catch(() => undefined);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  async kill(): Promise<void> {
    if (this.end) return;
    this.socket.resume();
    try {
      const hangUp = await this.container.exec({
        Cmd: ['/bin/sh', '-c', hangUpScript, 'hang-up', this.marker],
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
      this.socket.destroy();
    }
  }

  /** The stream is over: ask the engine whether the shell has ended, and how. */
  private async finish(): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    this.end = await this.readEnd();
    this.endListener?.(this.end);
  }

  private async readEnd(): Promise<PtyEnd> {
    try {
      const { Running, ExitCode } = await this.docker.getExec(this.exec.id).inspect();
      if (!Running) return { kind: 'exited', exitCode: ExitCode };
      return lost(this.socketError);
    } catch (error) {
      const known = mapEngineFailure(error, { action: 'run a shell in the container' });
      // The container went away together with its execs, or the engine did.
      return known.code === 'not_found' || known.code === 'container_missing'
        ? {
            kind: 'lost',
            error: new LmError('container_not_running', 'The container was stopped or removed.', newTerminal),
          }
        : lost(error instanceof Error ? error : null);
    }
  }
}

const newTerminal = { repair: { text: 'Open a new terminal when the sandbox runs again.' } };

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
