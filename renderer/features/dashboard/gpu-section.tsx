import { useStore } from 'zustand';
import type { ErrorData, GpuFacts, GpuSample } from '../../../electron/contract';
import { formatBytes, formatPercent } from '../../lib/format';
import { Badge, Banner, CopyableCommand, ErrorBanner, Spinner } from '../../ui';
import { Chart } from './chart';
import { gpuMemoryChart, gpuPowerChart, gpuUtilisationChart } from './chart-spec';
import type { GpuFeed, GpuSource } from './feed';
import { isAtRest, NothingYet } from './nothing-yet';
import { Section } from './section';
import { Value } from './value';
import chartStyles from './charts.module.css';
import styles from './gpu-section.module.css';

/** The GPUs the container has, or why it has none. */
export function GpuSection({ feed }: { readonly feed: GpuFeed }) {
  const state = useStore(feed.state);
  return (
    <Section title="GPU">
      {state.status === 'waiting' && (
        <p className={styles.waiting}>
          <Spinner size={14} /> Asking nvidia-smi…
        </p>
      )}
      {state.status === 'unavailable' && <NoGpu error={state.error} />}
      {state.status === 'available' &&
        state.gpus.map((gpu) => (
          <GpuCard key={gpu.uuid ?? gpu.index} gpu={gpu} source={feed.source(gpu.index)} />
        ))}
    </Section>
  );
}

function NoGpu({ error }: { readonly error: ErrorData }) {
  const message = `No GPU: ${lowerFirst(error.message)}`;
  // A sandbox at rest or a choice is no fault: said quietly, still with what can be done.
  // What an engine lacks is said where the engine is.
  if (isAtRest(error)) {
    return <NothingYet>{message}</NothingYet>;
  }
  if (error.code !== 'gpu_not_requested') return <ErrorBanner error={{ ...error, message }} tone="warning" />;
  return (
    <Banner tone="info" title={message}>
      {error.repair && <p>{error.repair.text}</p>}
      {error.repair?.command && <CopyableCommand command={error.repair.command} />}
    </Banner>
  );
}

function GpuCard({ gpu, source }: { readonly gpu: GpuFacts; readonly source: GpuSource }) {
  const subject = `GPU ${gpu.index}, ${gpu.name}:`;
  return (
    <article className={styles.card} aria-label={`GPU ${gpu.index}, ${gpu.name}`}>
      <header className={styles.header}>
        <span className={styles.index}>{gpu.index}</span>
        <h4 className={styles.name}>{gpu.name}</h4>
        {gpu.simulated && (
          <Badge tone="warning" title="A stand-in for tests: its values mean nothing.">
            Simulated GPU
          </Badge>
        )}
        <span className={styles.facts}>{describeGpu(gpu)}</span>
      </header>
      <div className={chartStyles.grid}>
        <Chart spec={gpuUtilisationChart} source={source} subject={subject} />
        <Chart spec={gpuMemoryChart} source={source} subject={subject} />
        <Chart spec={gpuPowerChart} source={source} subject={subject} />
      </div>
      <GpuValues source={source} />
    </article>
  );
}

function GpuValues({ source }: { readonly source: GpuSource }) {
  const sample = useStore(source.latest);
  if (!sample) return null;
  return (
    <dl className={styles.values}>
      {gpuValues(sample).map(({ name, field, text }) => (
        <Value key={name} name={name} text={text} missing={sample.missing[field] ?? null} />
      ))}
    </dl>
  );
}

interface GpuValue {
  readonly name: string;
  /** Field of the sample, under which a reason is kept when it is missing. */
  readonly field: keyof GpuSample;
  readonly text: string | null;
}

function gpuValues(sample: GpuSample): GpuValue[] {
  const number = (value: number | null, write: (value: number) => string) =>
    value === null ? null : write(value);
  const megahertz = (value: number) => `${Math.round(value)} MHz`;
  const reasons = sample.throttleReasons;
  return [
    {
      name: 'Temperature',
      field: 'temperatureCelsius',
      text: number(sample.temperatureCelsius, (value) => `${Math.round(value)} °C`),
    },
    { name: 'Fan', field: 'fanPercent', text: number(sample.fanPercent, formatPercent) },
    { name: 'SM clock', field: 'smClockMegahertz', text: number(sample.smClockMegahertz, megahertz) },
    {
      name: 'Memory clock',
      field: 'memoryClockMegahertz',
      text: number(sample.memoryClockMegahertz, megahertz),
    },
    {
      name: 'Memory load',
      field: 'memoryUtilisationPercent',
      text: number(sample.memoryUtilisationPercent, formatPercent),
    },
    {
      name: 'VRAM reserved',
      field: 'memoryReservedBytes',
      text: number(sample.memoryReservedBytes, formatBytes),
    },
    { name: 'State', field: 'performanceState', text: sample.performanceState },
    {
      name: 'Clocks limited by',
      field: 'throttleReasons',
      text: reasons === null ? null : reasons.length === 0 ? 'nothing' : reasons.join(', '),
    },
  ];
}

function describeGpu(gpu: GpuFacts): string {
  return [
    gpu.driverVersion && `driver ${gpu.driverVersion}`,
    gpu.computeCapability && `compute ${gpu.computeCapability}`,
    gpu.migMode === 'Enabled' && 'MIG on: utilisation is not reported for the whole card',
    gpu.persistenceMode === 'Disabled' && 'persistence mode off',
  ]
    .filter(Boolean)
    .join(' · ');
}

/** For a sentence that continues; names such as NVIDIA keep their capitals. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
