import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerLogSource } from '../../../electron/adapters/docker/logs';
import { createDockerStatsSource } from '../../../electron/adapters/docker/stats';
import type { ContainerSample, LogChunk, TelemetryChunk } from '../../../electron/contract';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { LogsService } from '../../../electron/services/logs';
import { TelemetryService } from '../../../electron/services/telemetry';
import { FakeRunningContainer } from '../../../electron/services/container/running-container.fakes';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { CollectingSink, connectTo, runContainer, type TestContainer } from './harness';

describe.each(['debian', 'modern'] as const)(
  'container statistics and log on the engine of %s packages',
  (generation) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await startEngine({ generation, name: 'dashboard' });
    });
    afterAll(() => engine?.stop());

    it('move with the load of the container: CPU, memory, network and pids', async () => {
      const container = await runContainer(engine, { arguments: ['--memory', '600m', '--pids-limit', '64'] });
      const running = new FakeRunningContainer();
      const service = new TelemetryService({
        running,
        stats: createDockerStatsSource(connectTo(engine)),
        clock: systemClock,
        logger: silentLogger,
      });
      const page = new CollectingSink<TelemetryChunk>();
      service.watch(page);
      running.start(container.id, 'run-1');
      try {
        const idle = await page.until((chunks) =>
          newest(chunks, (sample) => (sample.cpuPercent ?? 100) < 20),
        );
        expect(idle.memoryLimitBytes).toBe(600 * 1024 * 1024);
        const idleMemory = idle.memoryUsedBytes ?? 0;

        await container.execDetached('sh', '-c', 'while :; do :; done');
        // `tail` keeps all of it in memory, because nobody takes the end of it.
        await container.execDetached(
          'sh',
          '-c',
          'head -c 150000000 /dev/zero | tail -c 150000000 | sleep infinity',
        );
        const gateway = (
          await container.exec('sh', '-c', 'awk \'$2=="00000000"{print $3}\' /proc/net/route')
        ).trim();
        const address = (gateway.match(/../g) ?? [])
          .reverse()
          .map((byte) => Number.parseInt(byte, 16))
          .join('.');
        await container.execDetached(
          ...['bash', '-c', `while :; do printf '%01000d' 1 >/dev/udp/${address}/9 || true; done`],
        );

        // Each for itself: on a busy machine they need not be high in the same second.
        const [, , , busy] = await Promise.all([
          page.until((chunks) => newest(chunks, (sample) => (sample.cpuPercent ?? 0) > 30)),
          page.until((chunks) =>
            newest(chunks, (sample) => (sample.memoryUsedBytes ?? 0) > idleMemory + 100_000_000),
          ),
          page.until((chunks) => newest(chunks, (sample) => (sample.networkSentBytesPerSecond ?? 0) > 5_000)),
          page.until((chunks) => newest(chunks, (sample) => (sample.pids ?? 0) > (idle.pids ?? 0))),
        ]);
        expect(busy.memoryLimitBytes).toBe(idle.memoryLimitBytes);

        await container.stop();
        running.stop();
        await page.until((chunks) => {
          const last = chunks.at(-1);
          return last?.kind === 'state' && last.error?.code === 'container_not_running';
        });
      } finally {
        service.dispose();
        await container.remove();
      }
    });

    it('follow the log over a restart without repeating or losing a line, and a broken connection too', async () => {
      const script = `
      i=$(cat /count 2>/dev/null || echo 0)
      echo "run begins after $i"
      echo "from stderr" >&2
      while [ ! -e /stop ]; do i=$((i+1)); echo "line $i äöü"; echo $i >/count; sleep 0.02; done
      rm /stop; printf 'no newline at the end'; exit 0`;
      const container = await runContainer(engine, { command: ['sh', '-c', script] });
      const { service, running, page } = followLog(engine);
      running.start(container.id, 'run-1');
      try {
        await page.until((chunks) => has(chunks, 'line 20 äöü'));
        await container.exec('touch', '/stop');
        await page.until((chunks) => has(chunks, 'no newline at the end'));
        running.stop();
        await container.start();
        running.start(container.id, 'run-2');
        const resumed = await page.until((chunks) =>
          lines(chunks).find((text, index) => index > 5 && /^run begins/.test(text)),
        );
        const from = Number(resumed.split(' ').at(-1));
        await page.until((chunks) => has(chunks, `line ${from + 20} äöü`));
        // Only the connection is lost, not the container.
        running.stop();
        running.start(container.id, 'run-2 again');
        await page.until((chunks) => has(chunks, `line ${from + 60} äöü`));

        const numbers = lines(page.chunks)
          .flatMap((text) => /^line (\d+)/.exec(text)?.[1] ?? [])
          .map(Number);
        expect(numbers).toEqual(numbers.map((_, index) => index + 1));
        expect(lines(page.chunks).filter((text) => text === 'from stderr')).toHaveLength(2);
        expect(lines(page.chunks).filter((text) => text === 'no newline at the end')).toHaveLength(1);
      } finally {
        service.dispose();
        await container.remove();
      }
    });

    it('survive a line of 10 MB and unknown bytes in the log', async () => {
      const script = `head -c 10000000 /dev/zero | tr '\\0' 'a'; echo; printf '\\377\\376 odd\\n'; echo after; sleep infinity`;
      const container = await runContainer(engine, { command: ['sh', '-c', script] });
      const { service, running, page } = followLog(engine);
      running.start(container.id, 'run-1');
      try {
        await page.until((chunks) => has(chunks, 'after'));
        const [long = '', odd] = lines(page.chunks);
        expect(long).toMatch(/^a{16384} … \[line cut: 9983616 more bytes\]$/);
        expect(odd).toBe('\uFFFD\uFFFD odd');
      } finally {
        service.dispose();
        await container.remove();
      }
    });

    it('read the log of a container with a terminal', async () => {
      const container = await runContainer(engine, {
        arguments: ['--tty'],
        command: ['sh', '-c', 'echo one; echo two; sleep infinity'],
      });
      const { service, running, page } = followLog(engine);
      running.start(container.id, 'run-1');
      try {
        await page.until((chunks) => has(chunks, 'two'));
        expect(lines(page.chunks)).toEqual(['one', 'two']);
      } finally {
        service.dispose();
        await container.remove();
      }
    });

    it('show the log of a container that failed at once, and say that it does not run', async () => {
      const container = await runContainer(engine, { command: ['sh', '-c', 'echo the reason; exit 3'] });
      await engine.docker(['wait', container.id]);
      const { service, page } = followLog(engine, container);
      try {
        await page.until((chunks) => has(chunks, 'the reason'));
        expect(page.chunks[0]).toMatchObject({ kind: 'state', error: { code: 'container_not_running' } });
      } finally {
        service.dispose();
        await container.remove();
      }
    });
  },
);

function followLog(engine: Engine, stopped: TestContainer | null = null) {
  const running = new FakeRunningContainer();
  const service = new LogsService({
    running,
    stoppedContainerId: () => stopped?.id ?? null,
    logs: createDockerLogSource(connectTo(engine)),
    clock: systemClock,
    logger: silentLogger,
  });
  const page = new CollectingSink<LogChunk>();
  service.watch(page);
  return { service, running, page };
}

function lines(chunks: readonly LogChunk[]): string[] {
  return chunks.flatMap((chunk) => (chunk.kind === 'lines' ? chunk.lines.map((line) => line.text) : []));
}

function has(chunks: readonly LogChunk[], text: string): boolean {
  return lines(chunks).includes(text);
}

function newest(
  chunks: readonly TelemetryChunk[],
  fits: (sample: ContainerSample) => boolean,
): ContainerSample | undefined {
  const samples = chunks.flatMap((chunk) => (chunk.kind === 'sample' ? [chunk.sample] : chunk.history));
  const sample = samples.at(-1);
  return sample && fits(sample) ? sample : undefined;
}
