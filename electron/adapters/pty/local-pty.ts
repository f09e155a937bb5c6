import type * as NodePty from 'node-pty';
import type { Pty, PtyBackend, PtyEnd } from '../../services/terminal/ports';

const hangUpGraceMs = 3_000;

export interface LocalPtyOptions {
  /** Program and arguments, such as `['/bin/bash', '-l']` or a sandboxing wrapper before it. */
  readonly command: readonly [string, ...string[]];
  readonly workingFolder: string;
  /** The whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Programs on a TTY of this machine, by node-pty. */
export function createLocalPtyBackend(options: LocalPtyOptions): PtyBackend {
  return {
    open: async (size) => {
      // Native code: loaded when the first local terminal is opened, not with the host.
      const nodePty = await import('node-pty');
      const [program, ...programArguments] = options.command;
      const child = nodePty.spawn(program, programArguments, {
        name: 'xterm-256color',
        cols: size.columns,
        rows: size.rows,
        cwd: options.workingFolder,
        env: { ...options.environment, TERM: 'xterm-256color', COLORTERM: 'truecolor' },
        // Bytes as they are: node-pty would decode each read by itself and break characters.
        encoding: null,
      });
      return wrap(child);
    },
  };
}

function wrap(child: NodePty.IPty): Pty {
  let end: PtyEnd | null = null;
  const endListeners: ((end: PtyEnd) => void)[] = [];
  child.onExit(({ exitCode, signal }) => {
    // The shells' convention for a death by signal.
    end = { kind: 'exited', exitCode: signal ? 128 + signal : exitCode };
    for (const listener of endListeners.splice(0)) listener(end);
  });
  const onEnd = (listener: (end: PtyEnd) => void) => {
    if (end) listener(end);
    else endListeners.push(listener);
  };
  return {
    onData: (listener) => {
      // With `encoding: null` node-pty emits Buffers, though its types say string.
      child.onData((data: string | Uint8Array) => {
        listener(typeof data === 'string' ? new TextEncoder().encode(data) : data);
      });
    },
    onEnd,
    write: (bytes) => child.write(Buffer.from(bytes)),
    resize: ({ columns, rows }) => child.resize(columns, rows),
    pause: () => child.pause(),
    resume: () => child.resume(),
    kill: () =>
      new Promise((resolve) => {
        if (end) {
          resolve();
          return;
        }
        const timer = setTimeout(() => child.kill('SIGKILL'), hangUpGraceMs);
        onEnd(() => {
          clearTimeout(timer);
          resolve();
        });
        child.kill('SIGHUP');
      }),
  };
}
