import type {
  ContainerSample,
  ErrorData,
  GpuFacts,
  GpuSample,
  GpuState,
  LogLine,
} from '../../electron/contract';
import type { FakeHostClient } from '../../renderer/client/fake-host-client';
import { DashboardPane } from '../../renderer/features/dashboard';
import type { GalleryCase } from './case';
import { absentSandbox, connectedEngine, containerFacts, healthySandbox, noGpuToolkit } from './fixtures';
import { healthyHost, withHost } from './support';

const mib = 1024 ** 2;
const nowMs = Date.now();

/** Five minutes that rise and fall; a minute and a half ago nothing was measured for twenty seconds. */
function containerHistory(): ContainerSample[] {
  return Array.from({ length: 300 }, (_, second) => second)
    .filter((second) => second < 200 || second > 220)
    .map((second) => {
      const load = Math.max(0, Math.sin(second / 23)) * (second > 80 ? 1 : 0.1);
      return {
        timeMs: nowMs - (299 - second) * 1000,
        cpuPercent: second === 0 ? null : 12 + load * 740 + (second % 7) * 4,
        memoryUsedBytes: (900 + load * 3600 + second) * mib,
        memoryLimitBytes: 8192 * mib,
        networkReceivedBytesPerSecond: load * 9.5 * mib + (second % 5) * 700,
        networkSentBytesPerSecond: load * 0.8 * mib + (second % 3) * 300,
        blockReadBytesPerSecond: second > 90 && second < 130 ? 180 * mib : 0,
        blockWrittenBytesPerSecond: second % 40 < 3 ? 6 * mib : 0,
        pids: 24 + Math.round(load * 9),
      };
    });
}

function gpuFacts(index: number, changes: Partial<GpuFacts> = {}): GpuFacts {
  return {
    index,
    uuid: `GPU-${index}`,
    name: 'NVIDIA GeForce RTX 4080',
    driverVersion: '595.71.05',
    computeCapability: '8.9',
    migMode: null,
    persistenceMode: 'Disabled',
    simulated: false,
    ...changes,
  };
}

function gpuHistory(index: number, changes: Partial<GpuSample> = {}): GpuSample[] {
  return Array.from({ length: 300 }, (_, second) => {
    const load = Math.max(0, Math.sin(second / 30 + index));
    return {
      timeMs: nowMs - (299 - second) * 1000,
      index,
      utilisationPercent: Math.round(load * 97),
      memoryUtilisationPercent: Math.round(load * 60),
      memoryTotalBytes: 16_376 * mib,
      memoryUsedBytes: Math.round((900 + load * 9000) * mib),
      memoryReservedBytes: 431 * mib,
      temperatureCelsius: 36 + Math.round(load * 38),
      powerWatts: 18 + load * 280,
      powerLimitWatts: 320,
      fanPercent: load > 0.4 ? Math.round(load * 60) : 0,
      smClockMegahertz: 210 + Math.round(load * 2400),
      memoryClockMegahertz: load > 0.1 ? 11_201 : 405,
      performanceState: load > 0.1 ? 'P2' : 'P8',
      throttleReasons: load > 0.1 ? ['software power cap'] : ['idle'],
      missing: {},
      ...changes,
    };
  });
}

const red = '\u001b[31m';
const green = '\u001b[1;32m';
const reset = '\u001b[0m';

function logLines(): LogLine[] {
  const texts = [
    'supervisor: starting gateway, ollama, llama-cpp',
    `${green}INFO${reset}:     Uvicorn running on http://0.0.0.0:8000`,
    'time=2026-11-20T10:00:00Z level=INFO msg="Listening on 127.0.0.1:11434 (version 0.34.2)"',
    `${red}ERROR${reset} llama-server: failed to load model '/models/broken.gguf'`,
    'main: model loaded äöü 模型已加载 🙂',
    'a bell \u0007, a backspace \b and text that turns \u202edrow',
    `slot release: id 0 | task 12 | stop processing: n_tokens = 210, ${'padding '.repeat(30)}`,
  ];
  return Array.from({ length: 4_000 }, (_, index) => ({
    sequence: index < 3_990 ? index : index + 125,
    timeMs: nowMs - (4_000 - index) * 750,
    source: index % 7 === 3 ? 'stderr' : 'stdout',
    text: `${texts[index % texts.length] ?? ''} #${index}`,
  }));
}

function hostWith(gpu: GpuState, gpuSamples: GpuSample[]): FakeHostClient {
  return healthyHost()
    .onStreamOpened('telemetry.watch', (stream) =>
      stream.push({ kind: 'state', error: null, onlineCpus: 16, history: containerHistory() }),
    )
    .onStreamOpened('gpu.watch', (stream) => stream.push({ kind: 'state', state: gpu, history: gpuSamples }))
    .onStreamOpened('logs.watch', (stream) => {
      stream.push({ kind: 'state', error: null });
      stream.push({ kind: 'lines', replace: true, lines: logLines() });
    });
}

export /** A second of the host: one sample of everything, and a burst of log lines. */
function beat(host: FakeHostClient, second: number): void {
  const timeMs = nowMs + second * 1000;
  const container = containerHistory()[second % 190];
  if (container) {
    for (const stream of host.streams('telemetry.watch')) {
      stream.push({ kind: 'sample', sample: { ...container, timeMs } });
    }
  }
  const gpu = gpuHistory(0)[(second * 7) % 300];
  if (gpu) {
    for (const stream of host.streams('gpu.watch'))
      stream.push({ kind: 'samples', samples: [{ ...gpu, timeMs }] });
  }
  const lines = logLines()
    .slice(0, 200)
    .map((line, index) => ({ ...line, timeMs, sequence: 4_125 + second * 200 + index }));
  for (const stream of host.streams('logs.watch')) stream.push({ kind: 'lines', replace: false, lines });
}

function live(): FakeHostClient {
  const host = oneGpu();
  let second = 0;
  setInterval(() => {
    second += 1;
    beat(host, second);
  }, 1000);
  return host;
}

export const oneGpu = (): FakeHostClient =>
  hostWith({ status: 'available', gpus: [gpuFacts(0)] }, gpuHistory(0));

const notRunning: ErrorData = {
  code: 'container_not_running',
  message: 'The sandbox is not running.',
  details: {},
  repair: null,
  retryable: false,
};

function view(
  name: string,
  host: () => FakeHostClient,
  prepare?: (element: HTMLElement) => void,
): GalleryCase {
  return {
    name: `Dashboard/${name}`,
    render: () =>
      withHost(
        host(),
        <div
          style={{ height: '100vh' }}
          ref={(element) => {
            if (element) prepare?.(element);
          }}
        >
          <DashboardPane />
        </div>,
      ),
  };
}

/** Marks the button that opens the log, for the picture. */
const openLog = (element: HTMLElement) => {
  const button = [...element.querySelectorAll('button')].find((each) => each.textContent === 'Log');
  button?.setAttribute('data-open-for-screenshot', '');
};

export const dashboardCases: readonly GalleryCase[] = [
  view('one GPU', oneGpu),
  view('several GPUs', () =>
    hostWith(
      {
        status: 'available',
        gpus: [
          gpuFacts(0, { name: 'Simulated GPU', simulated: true }),
          gpuFacts(1, {
            name: 'NVIDIA H200',
            migMode: 'Enabled',
            persistenceMode: 'Enabled',
            computeCapability: '9.0',
          }),
        ],
      },
      [
        ...gpuHistory(0, { powerWatts: null, missing: { powerWatts: '[Unknown Error]' } }),
        ...gpuHistory(1, {
          utilisationPercent: null,
          memoryUtilisationPercent: null,
          fanPercent: null,
          memoryTotalBytes: 143_771 * mib,
          missing: {
            utilisationPercent: '[N/A]',
            memoryUtilisationPercent: '[N/A]',
            fanPercent: '[N/A]',
          },
        }),
      ],
    ),
  ),
  view('created for CPU', () =>
    hostWith(
      {
        status: 'unavailable',
        error: {
          ...noGpuToolkit,
          code: 'gpu_not_requested',
          message: `This sandbox was created for CPU. ${noGpuToolkit.message}`,
        },
      },
      [],
    ).respond(
      'sandbox.status',
      healthySandbox({
        container: containerFacts({ gpu: { choice: 'none', mechanism: 'none', devices: [] }, cpuLimit: 4 }),
      }),
    ),
  ),
  view('GPU lost, a service crashed', () =>
    hostWith(
      {
        status: 'unavailable',
        error: {
          code: 'gpu_access_lost',
          message:
            'The container has lost its access to the GPU, as happens after a reload of the system manager.',
          details: { nvidiaSmi: 'Failed to initialize NVML: Unknown Error' },
          repair: { text: 'Recreate the sandbox; its workspace and models are kept.', command: null },
          retryable: true,
        },
      },
      [],
    )
      .respond(
        'engine.status',
        connectedEngine({ warnings: ['No swap limit support', 'runc 1.1.4 is older than advised (1.2.8)'] }),
      )
      .respond(
        'sandbox.status',
        healthySandbox({
          phase: 'unhealthy',
          parts: [
            { name: 'gateway', state: 'ready', restarts: 0, lastError: null },
            {
              name: 'ollama',
              state: 'backing-off',
              restarts: 4,
              lastError: 'exited with status 1: bind: address already in use',
            },
            { name: 'llama-cpp', state: 'crashed', restarts: null, lastError: 'killed by signal 9' },
          ],
        }),
      ),
  ),
  view('stopped', () =>
    hostWith({ status: 'unavailable', error: notRunning }, [])
      .onStreamOpened('telemetry.watch', (stream) =>
        stream.push({ kind: 'state', error: notRunning, onlineCpus: null, history: [] }),
      )
      .respond('sandbox.status', healthySandbox({ phase: 'stopped', parts: [] })),
  ),
  view('absent', () =>
    hostWith({ status: 'unavailable', error: notRunning }, [])
      .onStreamOpened('telemetry.watch', (stream) =>
        stream.push({
          kind: 'state',
          error: { ...notRunning, code: 'container_missing', message: 'There is no sandbox yet.' },
          onlineCpus: null,
          history: [],
        }),
      )
      .respond('sandbox.status', absentSandbox({ image: { state: 'missing', reference: 'lm-docker' } })),
  ),
  view('log', oneGpu, openLog),
  view('live', live),
];
