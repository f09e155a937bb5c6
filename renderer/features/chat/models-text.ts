import type {
  ErrorData,
  Model,
  ModelJob,
  ModelList,
  ModelReference,
  Runtime,
} from '../../../electron/contract';
import { formatByteProgress, formatBytes, formatDuration, formatPercent, formatRate } from '../../lib/format';

export const runtimeNames: Record<Runtime, string> = {
  embedded: 'Embedded llama.cpp',
  ollama: 'Ollama',
  'llama-cpp': 'llama.cpp',
};

export function sameModel(left: ModelReference | null, right: ModelReference | null): boolean {
  return left?.runtime === right?.runtime && left?.name === right?.name;
}

/** Why embedded models cannot run on this computer; null where they can, or work in a container. */
export function embeddedProblem({ runtimes }: ModelList): ErrorData | null {
  return runtimes.find(({ runtime }) => runtime === 'embedded')?.error ?? null;
}

export interface LoadDescription {
  readonly label: string;
  readonly tone: 'neutral' | 'ok' | 'warning' | 'danger' | 'info';
}

/** Where a model lies right now. A loaded model with layers left on the CPU is worth a warning. */
export function describeLoad(load: Model['load']): LoadDescription {
  switch (load.state) {
    case 'loaded':
      if (load.gpuShare === null) return { label: 'loaded', tone: 'ok' };
      if (load.gpuShare === 0) return { label: 'on CPU', tone: 'warning' };
      if (load.gpuShare < 1)
        return { label: `${formatPercent(load.gpuShare * 100)} on GPU`, tone: 'warning' };
      return { label: 'on GPU', tone: 'ok' };
    case 'loading':
      return { label: 'loading…', tone: 'info' };
    case 'failed':
      return { label: 'failed', tone: 'danger' };
    case 'unloaded':
      return { label: 'not loaded', tone: 'neutral' };
    case 'unknown':
      return { label: 'state unknown', tone: 'neutral' };
  }
}

/** Size, parameters, quantisation and context, as far as they are known. */
export function describeModel(model: Model): string {
  const { contextSize } = model.load;
  return [
    model.sizeBytes === null ? null : formatBytes(model.sizeBytes),
    model.parameterCount,
    model.quantisation,
    contextSize === null ? null : `context ${contextSize.toLocaleString('en-US')}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** `12 MiB of 98 MiB · 3.1 MiB/s · 28 s left`, or what the runtime says it does. */
export function describeProgress(job: ModelJob): string {
  const left =
    job.bytesPerSecond && job.totalBytes !== null && job.completedBytes !== null
      ? formatDuration(((job.totalBytes - job.completedBytes) / job.bytesPerSecond) * 1_000)
      : null;
  return [
    job.completedBytes === null ? job.phase : formatByteProgress(job.completedBytes, job.totalBytes),
    job.bytesPerSecond === null ? null : formatRate(job.bytesPerSecond),
    left === null ? null : `${left} left`,
  ]
    .filter(Boolean)
    .join(' · ');
}
