import type * as NodePty from 'node-pty';
import type { Launch, LocalPty, PtyLauncher } from '../../services/embedded/ports';
import type { Pty, PtyBackend, PtyEnd } from '../../services/terminal/ports';

const hangUpGraceMs = 3_000;

/** Programs on a TTY of this machine, by node-pty. */
export function createLocalPtyLauncher(): PtyLauncher {
  return {
    open: async (size, launch, place) => {
      // Native code: loaded when the first local terminal is opened, not with the host.
      const nodePty = await import('node-pty');
      const [program, ...programArguments] = launch.command;
      const child = nodePty.spawn(program, programArguments, {
        name: 'xterm-256color',
        cols: size.columns,
        rows: size.rows,
        cwd: launch.workingFolder,
        env: { ...launch.environment, TERM: 'xterm-256color', COLORTERM: 'truecolor' },
        // Bytes as they are: node-pty would decode each read by itself and break characters.
        encoding: null,
      });
      return wrap(child, place);
    },
  };
}

/** The same program for every terminal. */
export function createLocalPtyBackend(launch: Launch): PtyBackend {
  const launcher = createLocalPtyLauncher();
  return { open: (size) => launcher.open(size, launch, 'unisolated') };
}

function wrap(child: NodePty.IPty, place: Pty['place']): LocalPty {
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
    place,
    processId: child.pid,
    onData: (listener) => {
      // With `encoding: null` node-pty emits Buffers, though its types say string.
      child.onData((data: string | Uint8Array) => {
        listener(typeof data === 'string' ? new TextEncoder().encode(data) : data);
      });
    },
    onEnd,
    write: (bytes) => {
      if (!end) child.write(Buffer.from(bytes));
    },
    resize: ({ columns, rows }) => {
      // A shell that has just ended has no size any more; node-pty throws.
      if (!end) child.resize(columns, rows);
    },
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
