import type { ContainerProcessHandlers, ContainerProcessRunner } from '../../services/gpu/ports';
import type { DockerConnectionProvider } from './connection';
import { asAbortableStream, readChunks } from './engine-stream';
import { FrameDemultiplexer } from './frame-demultiplexer';
import { LineSplitter } from './line-splitter';
import { connectionLost, toStreamFailure } from './stream-failure';

/**
 * The Engine API cannot kill an exec, and a closed connection alone does not end its process. So the program
 * runs under a small shell that holds the exec's standard input: when the connection closes, however that comes
 * about, input ends and the shell ends the program with its whole process group.
 *
 * The watching part is one process of shell built-ins only, so that nothing is left of it either.
 */
const wrapperScript = `
exec 3<&0
if command -v setsid >/dev/null 2>&1; then setsid "$@" 3<&- </dev/null & group=-
else "$@" 3<&- </dev/null & group=
fi
child=$!
( while read -r _ <&3; do :; done
  kill -TERM "$group$child" || kill -TERM "$child"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;

/** Programs in a container through `POST /containers/{id}/exec`, without a TTY, output taken apart by source. */
export function createDockerProcessRunner(connection: DockerConnectionProvider): ContainerProcessRunner {
  return {
    start: (containerId, command, handlers) => {
      const ending = new AbortController();
      void runProcess(connection, containerId, command, handlers, ending);
      return () => ending.abort();
    },
  };
}

async function runProcess(
  connection: DockerConnectionProvider,
  containerId: string,
  command: readonly string[],
  handlers: ContainerProcessHandlers,
  ending: AbortController,
): Promise<void> {
  const { signal } = ending;
  const topic = `the output of ${command[0] ?? 'the program'} in the container`;
  try {
    const exec = await connection()
      .docker.getContainer(containerId)
      .exec({
        Cmd: ['sh', '-c', wrapperScript, 'sh', ...command],
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Tty: false,
        // Numbers and messages are parsed: no language of the container's may change them.
        Env: ['LC_ALL=C'],
      });
    if (signal.aborted) return;
    const stream = asAbortableStream(await exec.start({ hijack: true, stdin: true, Tty: false }), signal);
    const frames = new FrameDemultiplexer();
    const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
    const complete = await readChunks(stream, (chunk) => {
      for (const piece of frames.push(chunk)) {
        for (const line of splitters[piece.source].push(piece.bytes)) deliver(piece.source, line);
      }
    });
    if (signal.aborted) return;
    for (const source of ['stdout', 'stderr'] as const) {
      const rest = splitters[source].flush();
      if (rest !== null) deliver(source, rest);
    }
    if (!complete) {
      finish({ error: connectionLost(topic) });
      return;
    }
    const { Running: running, ExitCode: exitCode } = await exec.inspect();
    finish({ exitCode: running ? null : exitCode });
  } catch (error) {
    finish({ error: toStreamFailure(error, topic) });
  }

  function deliver(source: 'stdout' | 'stderr', line: string): void {
    if (!signal.aborted) handlers.onLine(source, line);
  }

  function finish(outcome: Parameters<ContainerProcessHandlers['onEnd']>[0]): void {
    if (signal.aborted) return;
    ending.abort();
    handlers.onEnd(outcome);
  }
}
