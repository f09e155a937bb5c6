import type { LmError } from '../../contract';
import type {
  ContainerProcessRunner,
  GpuProbe,
  GpuProbeHandlers,
  GpuReading,
} from '../../services/gpu/ports';
import { isFailureLine, toGpuError } from './failures';
import { buildQuery, parseKnownFields, type Query } from './fields';
import { isHeader, parseRow } from './rows';

const intervalMs = 1000;
const keptMessages = 20;

/**
 * One program that repeats its query is far cheaper than one start a second, which without persistence mode
 * initialises the GPU each time. Where the container has stdbuf, lines leave the program at once although
 * its output is a pipe.
 */
const startScript =
  'if command -v stdbuf >/dev/null 2>&1; then exec stdbuf -oL nvidia-smi "$@"; else exec nvidia-smi "$@"; fi';

function nvidiaSmi(...options: readonly string[]): string[] {
  return ['sh', '-c', startScript, 'nvidia-smi', ...options];
}

/** Why nvidia-smi ended: what it said last, and its exit status (null: unknown). */
export type ExplainGpuFailure = (messages: readonly string[], exitCode: number | null) => LmError;

/**
 * Reads a container's GPUs through the nvidia-smi that its engine put into it. Asks first which fields this
 * driver's program knows, since one unknown field fails the whole query.
 */
export function createNvidiaSmiProbe(
  processes: ContainerProcessRunner,
  explain: ExplainGpuFailure = toGpuError,
): GpuProbe {
  return {
    watch: (containerId, handlers) => {
      let stopCurrent: () => void = () => undefined;
      let stopped = false;
      const onReading = (reading: GpuReading) => {
        if (!stopped) handlers.onReading(reading);
      };
      const onEnd = (error: LmError) => {
        if (stopped) return;
        stop();
        handlers.onEnd(error);
      };
      const stop = () => {
        stopped = true;
        stopCurrent();
      };
      stopCurrent = askForFields(processes, containerId, explain, {
        onKnown: (query) => {
          if (!stopped)
            stopCurrent = repeatQuery(processes, containerId, query, explain, { onReading, onEnd });
        },
        onEnd,
      });
      return stop;
    },
  };
}

function askForFields(
  processes: ContainerProcessRunner,
  containerId: string,
  explain: ExplainGpuFailure,
  handlers: { readonly onKnown: (query: Query) => void; readonly onEnd: (error: LmError) => void },
): () => void {
  const lines: string[] = [];
  return processes.start(containerId, nvidiaSmi('--help-query-gpu'), {
    onLine: (_source, line) => lines.push(line),
    onEnd: (outcome) => {
      if ('error' in outcome) {
        handlers.onEnd(outcome.error);
        return;
      }
      const query = buildQuery(parseKnownFields(lines));
      if (outcome.exitCode === 0 && query.columns[0]?.field.to === 'index') {
        handlers.onKnown(query);
        return;
      }
      handlers.onEnd(explain(lines.slice(0, keptMessages), outcome.exitCode));
    },
  });
}

function repeatQuery(
  processes: ContainerProcessRunner,
  containerId: string,
  query: Query,
  explain: ExplainGpuFailure,
  handlers: GpuProbeHandlers,
): () => void {
  const messages: string[] = [];
  const names = query.columns.map((column) => column.name).join(',');
  return processes.start(
    containerId,
    nvidiaSmi(`--query-gpu=${names}`, '--format=csv,nounits', '-lms', String(intervalMs)),
    {
      onLine: (source, line) => {
        if (line.trim() === '' || isHeader(line, query)) return;
        const reading = source === 'stdout' ? parseRow(line, query) : null;
        if (reading) {
          handlers.onReading(reading);
          return;
        }
        messages.push(line);
        if (messages.length > keptMessages) messages.shift();
        // A loop can go on printing its failure once a second.
        if (isFailureLine(line)) handlers.onEnd(explain(messages, null));
      },
      onEnd: (outcome) => {
        handlers.onEnd('error' in outcome ? outcome.error : explain(messages, outcome.exitCode));
      },
    },
  );
}
