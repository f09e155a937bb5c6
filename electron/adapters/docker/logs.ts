import type { LmError } from '../../contract';
import type {
  ContainerLogLine,
  ContainerLogSource,
  LogFollowHandlers,
  LogFollowOptions,
} from '../../services/logs/ports';
import type { DockerConnectionProvider } from './connection';
import { asAbortableStream, readChunks } from './engine-stream';
import { FrameDemultiplexer } from './frame-demultiplexer';
import { LogAssembler, LogResumer, RawLogAssembler } from './log-assembler';
import { connectionLost, toStreamFailure } from './stream-failure';

const topic = "the container's log";

/** `GET /containers/{id}/logs?follow=1&timestamps=1`, multiplexed or, for a container with a TTY, plain. */
export function createDockerLogSource(connection: DockerConnectionProvider): ContainerLogSource {
  return {
    follow: (containerId, options, handlers) => {
      const ending = new AbortController();
      void followLog(connection, containerId, options, handlers, ending);
      return () => ending.abort();
    },
  };
}

async function followLog(
  connection: DockerConnectionProvider,
  containerId: string,
  options: LogFollowOptions,
  handlers: LogFollowHandlers,
  ending: AbortController,
): Promise<void> {
  const { signal } = ending;
  const resumer = new LogResumer(options.after);
  const deliver = (lines: readonly ContainerLogLine[]) => {
    const news = resumer.accept(lines);
    if (news.length > 0 && !signal.aborted) handlers.onLines(news, resumer.position);
  };
  try {
    const container = connection().docker.getContainer(containerId);
    const { Config: config } = await container.inspect();
    const answer = await container.logs({
      follow: true,
      stdout: true,
      stderr: true,
      timestamps: true,
      // A position counts the lines since it; without one the newest lines are asked for.
      ...(options.after ? { since: options.after.timestamp } : { tail: options.tailLines }),
    });
    const stream = asAbortableStream(answer, signal);
    const reader = config.Tty ? rawReader() : multiplexedReader();
    const complete = await readChunks(stream, (chunk) => deliver(reader.push(chunk)));
    deliver(reader.flush());
    finish(complete ? null : connectionLost(topic));
  } catch (error) {
    finish(toStreamFailure(error, topic));
  }

  function finish(error: LmError | null): void {
    if (signal.aborted) return;
    ending.abort();
    handlers.onEnd(error);
  }
}

interface LogReader {
  push(chunk: Uint8Array): ContainerLogLine[];
  flush(): ContainerLogLine[];
}

function rawReader(): LogReader {
  return new RawLogAssembler();
}

function multiplexedReader(): LogReader {
  const frames = new FrameDemultiplexer();
  const assembler = new LogAssembler();
  return {
    push: (chunk) => assembler.push(frames.push(chunk)),
    flush: () => assembler.flush(),
  };
}
