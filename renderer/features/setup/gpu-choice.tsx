import { Cpu, Gpu } from 'lucide-react';
import type { EngineGpu, GpuChoice } from '../../../electron/contract';
import { ErrorBanner, RadioCards } from '../../ui';

export interface GpuChoiceFieldProps {
  /** Null: nothing is known of the engine. */
  readonly gpu: EngineGpu | null;
  readonly value: GpuChoice | null;
  readonly onValueChange: (value: GpuChoice) => void;
}

/** GPU or CPU, chosen by the person. Where no GPU can be requested the reason and its repair stand beside it. */
export function GpuChoiceField({ gpu, value, onValueChange }: GpuChoiceFieldProps) {
  const offered = gpuOffered(gpu);
  return (
    <>
      {gpu?.error && <ErrorBanner error={gpu.error} tone="warning" />}
      <RadioCards
        label="What models run on"
        value={value}
        onValueChange={onValueChange}
        cards={[
          {
            value: 'all',
            title: 'NVIDIA GPU',
            icon: <Gpu />,
            description: offered ? describeGpu(gpu) : 'This engine offers none now.',
            disabled: !offered,
          },
          {
            value: 'none',
            title: 'CPU only',
            icon: <Cpu />,
            description: 'Works everywhere; answers come much slower. You can change this later.',
          },
        ]}
      />
    </>
  );
}

export function gpuOffered(gpu: EngineGpu | null): gpu is EngineGpu {
  return gpu !== null && gpu.mechanism !== 'none' && gpu.error === null;
}

/**
 * What a new container begins with: the setting where it can be had. A GPU that was wanted and is not offered
 * leaves the choice open, since CPU is only ever taken by hand.
 */
export function preferredGpuChoice(wanted: GpuChoice | null, gpu: EngineGpu | null): GpuChoice | null {
  if (wanted === 'none') return 'none';
  return wanted === 'all' && gpuOffered(gpu) ? 'all' : null;
}

function describeGpu(gpu: EngineGpu): string {
  if (gpu.mechanism === 'gpus-flag') return 'All GPUs, through the NVIDIA container toolkit.';
  const single = gpu.devices.filter((device) => device !== 'all');
  if (single.length === 0) return 'All GPUs, through CDI.';
  return `All GPUs, through CDI: ${single.join(', ')}.`;
}
