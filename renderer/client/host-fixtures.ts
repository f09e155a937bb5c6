// Host states for component tests and the gallery; like FakeHostClient, nothing that ships imports them.
import {
  defaultSettings,
  type BuildState,
  type BuildStep,
  type ContainerFacts,
  type EmbeddedStatus,
  type EngineFacts,
  type EngineState,
  type ErrorData,
  type LocalApiStatus,
  type SandboxStatus,
  type Settings,
  type SettingsState,
} from '../../electron/contract';

const gib = 1024 ** 3;
const mib = 1024 ** 2;

export const fixtureNowMs = Date.now();
export const minutesAgo = (minutes: number): number => fixtureNowMs - minutes * 60_000;

export function engineFacts(changes: Partial<EngineFacts> = {}): EngineFacts {
  return {
    product: 'docker',
    version: '28.5.1',
    apiVersion: '1.51',
    operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
    kernelVersion: '6.1.0-40-amd64',
    architecture: 'x86_64',
    cpus: 16,
    memoryBytes: 64 * gib,
    cgroupVersion: '2',
    storageDriver: 'overlay2',
    rootDirectory: '/var/lib/docker',
    rootless: false,
    securityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    runcVersion: '1.3.3',
    containerdVersion: '1.7.28',
    gpu: { mechanism: 'cdi', devices: ['0', '1', 'all'], error: null },
    warnings: [],
    ...changes,
  };
}

export function connectedEngine(changes: Partial<EngineFacts> = {}): EngineState {
  return {
    state: 'connected',
    revision: 1,
    endpoint: { url: 'unix:///var/run/docker.sock', origin: 'default', label: '/var/run/docker.sock' },
    facts: engineFacts(changes),
    sinceMs: minutesAgo(42),
  };
}

export const permissionDenied: ErrorData = {
  code: 'engine_permission_denied',
  message: 'Docker runs, but your user may not talk to it.',
  details: { socket: '/var/run/docker.sock', user: 'ada', group: 'docker' },
  repair: {
    text: 'Add your user to the group docker, then log out and in again.',
    command: 'sudo usermod -aG docker $USER',
  },
  retryable: true,
};

export const notRunning: ErrorData = {
  code: 'engine_not_running',
  message: 'Podman is installed, but its service does not run.',
  details: { socket: '/run/user/1000/podman/podman.sock' },
  repair: { text: 'Start its socket.', command: 'systemctl --user start podman.socket' },
  retryable: true,
};

export function unavailableEngine(): EngineState {
  return {
    state: 'unavailable',
    revision: 2,
    error: permissionDenied,
    tried: [
      {
        endpoint: { url: 'unix:///var/run/docker.sock', origin: 'default', label: '/var/run/docker.sock' },
        error: permissionDenied,
      },
      {
        endpoint: {
          url: 'unix:///run/user/1000/podman/podman.sock',
          origin: 'podman',
          label: '/run/user/1000/podman/podman.sock',
        },
        error: notRunning,
      },
    ],
    retryAtMs: fixtureNowMs + 3_600_000,
  };
}

export const noGpuToolkit: ErrorData = {
  code: 'gpu_toolkit_missing',
  message: 'This engine cannot give a container an NVIDIA GPU: the NVIDIA container toolkit is not set up.',
  details: { mechanism: 'none' },
  repair: {
    text: 'Install the NVIDIA container toolkit, then let it describe the GPUs to the engine.',
    command: 'sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml',
  },
  retryable: true,
};

export function containerFacts(changes: Partial<ContainerFacts> = {}): ContainerFacts {
  return {
    id: '3f9c1d2b8a7e4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5',
    name: 'lm_container',
    imageId: 'sha256:1f0e9d8c7b6a',
    imageReference: 'lm-docker',
    managed: true,
    outdated: [],
    createdAtMs: minutesAgo(3 * 24 * 60),
    startedAtMs: minutesAgo(126),
    finishedAtMs: null,
    exitCode: null,
    outOfMemory: false,
    gpu: { choice: 'all', mechanism: 'cdi', devices: ['nvidia.com/gpu=all'] },
    hostPort: 8000,
    memoryLimitBytes: null,
    cpuLimit: null,
    pidsLimit: 4096,
    volumes: [
      { name: 'lm_workspace', path: '/workspace' },
      { name: 'lm_models', path: '/models' },
    ],
    ...changes,
  };
}

export function healthySandbox(changes: Partial<SandboxStatus> = {}): SandboxStatus {
  return {
    revision: 1,
    phase: 'healthy',
    operation: null,
    container: containerFacts(),
    image: {
      state: 'present',
      reference: 'lm-docker',
      id: 'sha256:1f0e9d8c7b6a',
      sizeBytes: Math.round(6.3 * gib),
      createdAtMs: minutesAgo(5 * 24 * 60),
      current: true,
    },
    parts: [
      { name: 'gateway', state: 'ready', restarts: 0, lastError: null },
      { name: 'ollama', state: 'ready', restarts: 0, lastError: null },
      { name: 'llama-cpp', state: 'ready', restarts: 1, lastError: null },
    ],
    error: null,
    ...changes,
  };
}

export function absentSandbox(changes: Partial<SandboxStatus> = {}): SandboxStatus {
  return healthySandbox({ phase: 'absent', container: null, parts: [], ...changes });
}

export function settingsState(changes: Partial<Settings> = {}): SettingsState {
  return { revision: 1, settings: { ...defaultSettings, ...changes }, error: null };
}

function step(
  index: number,
  name: string,
  status: BuildStep['status'],
  more: Partial<BuildStep> = {},
): BuildStep {
  const begun = status !== 'waiting' && status !== 'cached';
  return {
    index,
    total: 9,
    name,
    status,
    startedAtMs: begun ? minutesAgo(6 - index / 2) : null,
    finishedAtMs: status === 'done' ? minutesAgo(5.6 - index / 2) : null,
    completedBytes: null,
    totalBytes: null,
    ...more,
  };
}

export function runningBuild(): BuildState {
  return {
    revision: 4,
    id: 'build-1',
    status: 'running',
    reference: 'lm-docker',
    startedAtMs: minutesAgo(6),
    finishedAtMs: null,
    steps: [
      step(0, 'FROM debian:12-slim', 'cached'),
      step(1, 'RUN apt-get update && apt-get install -y --no-install-recommends bash git curl', 'done'),
      step(2, 'FROM ghcr.io/ggml-org/llama.cpp:server-cuda', 'done', {
        completedBytes: 2.1 * gib,
        totalBytes: 2.1 * gib,
      }),
      step(3, 'FROM ollama/ollama:latest', 'running', { completedBytes: 734 * mib, totalBytes: 1.6 * gib }),
      step(4, 'COPY gateway /opt/lm/gateway', 'waiting'),
      step(5, 'RUN python3 -m venv /opt/lm/venv && /opt/lm/venv/bin/pip install /opt/lm/gateway', 'waiting'),
      step(6, 'COPY entrypoint.sh /usr/local/bin/', 'waiting'),
      step(7, 'USER lm', 'waiting'),
      step(8, 'HEALTHCHECK CMD curl -fsS http://127.0.0.1:8000/health', 'waiting'),
    ],
    error: null,
  };
}

export function succeededBuild(): BuildState {
  const running = runningBuild();
  return {
    ...running,
    revision: 9,
    status: 'succeeded',
    finishedAtMs: minutesAgo(1),
    steps: running.steps.map((each) => (each.status === 'cached' ? each : { ...each, status: 'done' })),
  };
}

export function failedBuild(): BuildState {
  const running = runningBuild();
  return {
    ...running,
    status: 'failed',
    finishedAtMs: minutesAgo(1),
    steps: running.steps.map((each) => (each.status === 'running' ? { ...each, status: 'failed' } : each)),
    error: {
      code: 'disk_full',
      message: 'The disk of the engine is full: the image needs more room than is left.',
      details: { path: '/var/lib/docker', freeBytes: 12_582_912 },
      repair: {
        text: 'Remove what the engine no longer uses, then build again.',
        command: 'docker system prune',
      },
      retryable: true,
    },
  };
}

export const buildLogLines: readonly string[] = Array.from({ length: 800 }, (_, index) =>
  index % 9 === 0
    ? `Step ${Math.floor(index / 9) + 1}/90 : RUN apt-get install -y package-${index}`
    : `Get:${index} http://deb.debian.org/debian bookworm/main amd64 package-${index} amd64 1.2.${index} [${index * 7} kB]`,
);

export function readyEmbedded(changes: Partial<EmbeddedStatus> = {}): EmbeddedStatus {
  const held = (wanted: number) => ({ wanted, heldBy: 'process-limit' as const, problem: null });
  const none = { wanted: null, heldBy: null, problem: null };
  const folder = '/home/ada/.config/lm-sandbox/embedded';
  return {
    revision: 1,
    state: 'ready',
    isolation: { kind: 'bubblewrap', version: '0.9.0', user: 'own', systemCallFilter: true },
    network: false,
    limits: { processes: held(4096), openFiles: held(65_536), memoryBytes: none, cpus: none },
    home: { folder: `${folder}/home`, inside: '/home/sandbox' },
    workspace: { folder: `${folder}/workspace`, inside: '/workspace' },
    startedAtMs: minutesAgo(7),
    running: 2,
    error: null,
    ...changes,
  };
}

/** The API of the embedded sandbox, switched off. */
export function localApi(changes: Partial<LocalApiStatus> = {}): LocalApiStatus {
  return {
    revision: 1,
    state: 'off',
    progress: null,
    address: null,
    isolation: null,
    tokenFile: '/home/ada/.config/lm-sandbox/api-token',
    error: null,
    ...changes,
  };
}

export const bubblewrapMissing: ErrorData = {
  code: 'isolation_missing',
  message: 'Bubblewrap, which isolates the embedded sandbox, is not installed.',
  details: {},
  repair: { text: 'Install it, then check again.', command: 'sudo apt install bubblewrap' },
  retryable: true,
};

/** Nothing isolates, and the person was not asked yet. */
export function askingEmbedded(changes: Partial<EmbeddedStatus> = {}): EmbeddedStatus {
  return readyEmbedded({
    state: 'needs-consent',
    isolation: { kind: 'none', reason: bubblewrapMissing },
    limits: null,
    network: true,
    startedAtMs: null,
    running: 0,
    ...changes,
  });
}
