import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LmError } from '../../contract';
import type { ContainerProcessHandlers, GpuReading } from '../../services/gpu/ports';
import { createNvidiaSmiProbe } from './nvidia-smi-probe';

function lines(name: string): string[] {
  return readFileSync(join(__dirname, '../../../test/fixtures/nvidia-smi', name), 'utf8')
    .trimEnd()
    .split('\n');
}

/** Plays the programs that the probe starts; each is answered by hand. */
function setUp() {
  const processes: { command: readonly string[]; handlers: ContainerProcessHandlers; stopped: boolean }[] =
    [];
  const readings: GpuReading[] = [];
  const ends: LmError[] = [];
  const probe = createNvidiaSmiProbe({
    start: (_containerId, command, handlers) => {
      const process = { command, handlers, stopped: false };
      processes.push(process);
      return () => (process.stopped = true);
    },
  });
  const stop = probe.watch('container', {
    onReading: (reading) => readings.push(reading),
    onEnd: (error) => ends.push(error),
  });
  const answer = (index: number, output: readonly string[], exitCode?: number) => {
    const process = processes[index];
    if (!process) throw new Error(`The probe did not start process ${index}.`);
    for (const line of output) process.handlers.onLine('stdout', line);
    if (exitCode !== undefined) process.handlers.onEnd({ exitCode });
  };
  return { processes, readings, ends, stop, answer };
}

describe('nvidia-smi probe', () => {
  it('asks which fields there are, then starts one loop with them and reads its rows', () => {
    const { processes, readings, ends, answer } = setUp();
    answer(0, lines('help-query-gpu.txt'), 0);
    answer(1, lines('geforce-idle.csv'));
    expect(processes[1]?.command.slice(-4)).toEqual([
      expect.stringMatching(/^--query-gpu=index,name,uuid,.*,clocks_event_reasons\.active,/),
      '--format=csv,nounits',
      '-lms',
      '1000',
    ]);
    expect(readings.map((reading) => reading.values.temperatureCelsius)).toEqual([34, 34, 35]);
    expect(ends).toEqual([]);
  });

  it('ends with the cause, and stops the loop, when a GPU is lost while it goes on printing', () => {
    const { processes, readings, ends, answer } = setUp();
    answer(0, lines('help-query-gpu.txt'), 0);
    answer(1, [...lines('mixed-then-lost.txt'), ...lines('geforce-idle.csv')]);
    expect(readings).toHaveLength(4);
    expect(ends.map((error) => error.code)).toEqual(['gpu_access_lost']);
    expect(processes[1]?.stopped).toBe(true);
  });

  it('says that the container has no nvidia-smi', () => {
    const { processes, ends, answer } = setUp();
    answer(0, ['nvidia-smi: 1: exec: nvidia-smi: not found'], 127);
    expect(ends.map((error) => error.data.message)).toEqual([
      expect.stringContaining('put no nvidia-smi into it'),
    ]);
    expect(processes).toHaveLength(1);
  });

  it('is silent after it was stopped, whatever still arrives', () => {
    const { processes, readings, ends, stop, answer } = setUp();
    answer(0, lines('help-query-gpu.txt'), 0);
    stop();
    answer(1, lines('geforce-idle.csv'), 0);
    expect([readings, ends, processes[1]?.stopped]).toEqual([[], [], true]);
  });
});
