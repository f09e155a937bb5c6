import type { LmError } from '../../contract';
import type { ContainerStatsHandlers, ContainerStatsSource } from '../../services/telemetry/ports';
import type { DockerConnectionProvider } from './connection';
import { asAbortableStream, readChunks } from './engine-stream';
import { LineSplitter } from './line-splitter';
import { toContainerCounters } from './stats-answer';
import { connectionLost, toStreamFailure } from './stream-failure';

const topic = "the container's statistics";
/** A reading is 2 to 6 KB; more CPUs and networks make it longer, a megabyte is no reading. */
const maxReadingBytes = 1024 * 1024;

/** `GET /containers/{id}/stats?stream=1`: one line of JSON a second. One call is one engine-side stream. */
export function createDockerStatsSource(connection: DockerConnectionProvider): ContainerStatsSource {
  return {
    watch: (containerId, handlers) => {
      const ending = new AbortController();
      void readStats(connection, containerId, handlers, ending);
      return () => ending.abort();
    },
  };
}

async function readStats(
  connection: DockerConnectionProvider,
  containerId: string,
  handlers: ContainerStatsHandlers,
  ending: AbortController,
): Promise<void> {
  const { signal } = ending;
  try {
    const answer = await connection().docker.getContainer(containerId).stats({ stream: true });
    const stream = asAbortableStream(answer, signal);
    const splitter = new LineSplitter(maxReadingBytes);
    const complete = await readChunks(stream, (chunk) => {
      for (const line of splitter.push(chunk)) {
        if (signal.aborted || line.trim() === '') continue;
        const counters = toContainerCounters(JSON.parse(line));
        // The engine goes on answering about a container that has stopped, with nothing in it.
        if (!counters) {
          finish(null);
          return;
        }
        handlers.onCounters(counters);
      }
    });
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
