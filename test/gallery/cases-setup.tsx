import { type EmbeddedStatus, type LocalApiStatus } from '../../electron/contract';
import type { FakeHostClient } from '../../renderer/client/fake-host-client';
import { SetupView } from '../../renderer/features/setup';
import type { GalleryCase } from './case';
import {
  absentSandbox,
  askingEmbedded,
  buildLogLines,
  connectedEngine,
  containerFacts,
  failedBuild,
  healthySandbox,
  minutesAgo,
  noGpuToolkit,
  localApi,
  readyEmbedded,
  runningBuild,
  succeededBuild,
  settingsState,
  unavailableEngine,
} from './fixtures';
import { Clicks, healthyHost, withHost } from './support';

const missingImage = { state: 'missing', reference: 'lm-docker' } as const;
const unknownSandbox = () => absentSandbox({ phase: 'unknown', image: { state: 'unknown' } });

function firstRun(name: string, prepare: (host: FakeHostClient) => FakeHostClient): GalleryCase {
  return {
    name: `Setup/${name}`,
    render: () => withHost(prepare(healthyHost()), <SetupView onFinished={() => undefined} />),
  };
}

function overview(name: string, prepare: (host: FakeHostClient) => FakeHostClient): GalleryCase {
  return { name: `Sandbox/${name}`, render: () => withHost(prepare(healthyHost()), <SetupView />) };
}

const showBuild = (host: FakeHostClient, build: ReturnType<typeof runningBuild>) =>
  host.onStreamOpened('image.watchBuildLog', (stream) =>
    stream.push({ kind: 'snapshot', build, logLines: [...buildLogLines] }),
  );

const embeddedHost = (status: EmbeddedStatus, api = localApi()) =>
  healthyHost()
    .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
    .respond('embedded.status', status)
    .respond('localApi.status', api)
    .respond('localApi.token', { token: '6f1d'.repeat(16) });

function embedded(name: string, status: EmbeddedStatus, fillsWindow = false): GalleryCase {
  return {
    name: `Embedded/${name}`,
    render: () =>
      withHost(
        embeddedHost(status),
        fillsWindow ? <SetupView onFinished={() => undefined} /> : <SetupView />,
      ),
  };
}

function embeddedClicked(name: string, status: EmbeddedStatus, ...names: readonly string[]): GalleryCase {
  return {
    name: `Embedded/${name}`,
    render: () =>
      withHost(
        embeddedHost(status),
        <Clicks names={names}>
          <SetupView />
        </Clicks>,
      ),
  };
}

function api(name: string, status: LocalApiStatus, ...names: readonly string[]): GalleryCase {
  return {
    name: `Embedded API/${name}`,
    render: () =>
      withHost(
        embeddedHost(readyEmbedded(), status),
        <Clicks names={names}>
          <SetupView />
        </Clicks>,
      ),
  };
}

const localAddress = 'http://127.0.0.1:8010';

const withoutIsolation = askingEmbedded().isolation;

export const setupCases: readonly GalleryCase[] = [
  embedded('running', readyEmbedded()),
  embedded('network on', readyEmbedded({ network: true, running: 0 }), true),
  embedded('asks', askingEmbedded(), true),
  embedded(
    'not isolated',
    readyEmbedded({ isolation: withoutIsolation, network: true, limits: null, running: 1 }),
  ),
  embedded(
    'limits not held',
    readyEmbedded({
      isolation: { kind: 'bubblewrap', version: '0.8.0', user: 'separate-user', systemCallFilter: false },
      limits: {
        ...{ processes: { wanted: 4096, heldBy: 'process-limit', problem: null } },
        ...{ openFiles: { wanted: 65_536, heldBy: 'process-limit', problem: null } },
        memoryBytes: {
          wanted: 8 * 1024 ** 3,
          heldBy: null,
          problem:
            'Neither systemd (it is not running) nor a control group (/sys/fs/cgroup offers no memory) can hold it here.',
        },
        cpus: { wanted: null, heldBy: null, problem: null },
      },
    }),
  ),
  embedded('starting', readyEmbedded({ state: 'checking', startedAtMs: null, running: 0, limits: null })),
  embedded('stopping', readyEmbedded({ state: 'stopping' })),
  embedded(
    'failed',
    readyEmbedded({
      ...{ state: 'failed', isolation: { kind: 'unknown' }, limits: null, startedAtMs: null, running: 0 },
      error: {
        code: 'storage_failed',
        message: 'The folders of the embedded sandbox cannot be made.',
        details: { reason: "EACCES: permission denied, mkdir '/home/ada/.config/lm-sandbox/embedded'" },
        repair: { text: 'See that you may write there, then start it again.', command: null },
        retryable: true,
      },
    }),
    true,
  ),
  embeddedClicked('asks before it goes on', askingEmbedded(), 'Go on without isolation…'),
  embeddedClicked('asks before it ends', readyEmbedded(), 'Stop'),
  api(
    'being prepared',
    localApi({ state: 'preparing', progress: { step: 'Fetching fastapi', completed: 7, total: 24 } }),
  ),
  api(
    'running',
    localApi({ state: 'running', address: localAddress, isolation: 'bubblewrap' }),
    'Show the token',
  ),
  api(
    'without Python',
    localApi({
      state: 'failed',
      error: {
        code: 'unsupported',
        message: 'The API needs Python 3.11 or newer; this computer has 3.9.',
        details: {},
        repair: {
          text: 'Install it, then try again.',
          command: 'sudo dnf install python3.12 python3.12-pip',
        },
        retryable: true,
      },
    }),
  ),
  api(
    'without the package index',
    localApi({
      state: 'failed',
      error: {
        code: 'registry_unreachable',
        message: 'The Python packages of the API could not be fetched from the package index.',
        details: { said: 'ERROR: No matching distribution found for aiohttp==3.13.0' },
        repair: {
          text: 'Check the network and the settings of pip (pip config list), then try again.',
          command: null,
        },
        retryable: true,
      },
    }),
  ),
  embedded(
    'stopped',
    readyEmbedded({
      state: 'off',
      isolation: { kind: 'unknown' },
      limits: null,
      startedAtMs: null,
      running: 0,
    }),
  ),
  firstRun('searching', (host) =>
    host
      .respond('engine.status', { state: 'searching', revision: 1 })
      .respond('sandbox.status', unknownSandbox()),
  ),
  firstRun('no permission', (host) =>
    host.respond('engine.status', unavailableEngine()).respond('sandbox.status', unknownSandbox()),
  ),
  firstRun('image missing', (host) => host.respond('sandbox.status', absentSandbox({ image: missingImage }))),
  firstRun('engine warns', (host) =>
    host
      .respond(
        'engine.status',
        connectedEngine({ warnings: ['No swap limit support', 'runc 1.1.4 is older than advised (1.2.8)'] }),
      )
      .respond('sandbox.status', absentSandbox({ image: missingImage })),
  ),
  firstRun('building', (host) =>
    showBuild(host, runningBuild()).respond('sandbox.status', absentSandbox({ image: missingImage })),
  ),
  firstRun('build failed', (host) =>
    showBuild(host, failedBuild()).respond('sandbox.status', absentSandbox({ image: missingImage })),
  ),
  firstRun('image built', (host) =>
    showBuild(host, succeededBuild()).respond('sandbox.status', absentSandbox()),
  ),
  firstRun('choose GPU', (host) => host.respond('sandbox.status', absentSandbox())),
  firstRun('no GPU', (host) =>
    host
      .respond(
        'engine.status',
        connectedEngine({ gpu: { mechanism: 'none', devices: [], error: noGpuToolkit } }),
      )
      .respond('sandbox.status', absentSandbox()),
  ),
  firstRun('port taken', (host) =>
    host.respond(
      'sandbox.status',
      absentSandbox({
        error: {
          code: 'port_in_use',
          message: 'Port 8000 of this computer is taken by another program.',
          details: { hostPort: 8000 },
          repair: {
            text: 'End that program, or choose another port in the settings.',
            command: 'ss -ltnp sport = :8000',
          },
          retryable: true,
        },
      }),
    ),
  ),
  firstRun('foreign container', (host) =>
    host.respond(
      'sandbox.status',
      absentSandbox({
        phase: 'foreign',
        container: containerFacts({ managed: false, imageReference: 'nginx:1.27' }),
      }),
    ),
  ),
  firstRun('starting', (host) =>
    host.respond(
      'sandbox.status',
      healthySandbox({
        phase: 'starting',
        operation: 'start',
        parts: [
          { name: 'gateway', state: 'ready', restarts: 0, lastError: null },
          { name: 'ollama', state: 'starting', restarts: 0, lastError: null },
          {
            name: 'llama-cpp',
            state: 'backing-off',
            restarts: 2,
            lastError: 'exit code 1: failed to load model',
          },
        ],
      }),
    ),
  ),
  firstRun('finished', (host) => host),
  overview('healthy', (host) => host),
  overview('stopped and outdated', (host) =>
    host.respond(
      'sandbox.status',
      healthySandbox({
        phase: 'stopped',
        parts: [],
        container: containerFacts({
          startedAtMs: minutesAgo(300),
          finishedAtMs: minutesAgo(200),
          exitCode: 137,
          outOfMemory: true,
          outdated: [
            'The image lm-docker was built again since.',
            'The memory limit changed from none to 8 GiB.',
          ],
          gpu: { choice: 'none', mechanism: 'none', devices: [] },
        }),
      }),
    ),
  ),
  overview('failed', (host) =>
    host.respond(
      'sandbox.status',
      healthySandbox({
        phase: 'failed',
        parts: [],
        error: noGpuToolkit,
        image: {
          state: 'present',
          reference: 'lm-docker',
          id: 'sha256:1',
          sizeBytes: 6_300_000_000,
          createdAtMs: minutesAgo(9000),
          current: false,
        },
      }),
    ),
  ),
];
