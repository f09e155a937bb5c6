import { LmError, type ErrorCode, type ErrorData } from '../../contract';

/**
 * The one table from what engines, builders and NVIDIA's hooks say to causes and repairs. Rows are tried in
 * order, so a narrower text stands before a wider one. Engines answer 400 or 500 alike for these, and their
 * wording changes between versions, so the match is on substrings only.
 */
interface Row {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly message: string | ((match: RegExpExecArray, step: string | null) => string);
  readonly repair: { readonly text: string; readonly command?: string };
  readonly retryable?: boolean;
}

const restartDocker = 'sudo systemctl restart docker';
const refreshCdi = 'sudo systemctl restart nvidia-cdi-refresh.service';

const gpuRows: readonly Row[] = [
  {
    pattern: /could not select device driver "cdi"/,
    code: 'gpu_toolkit_missing',
    message: 'The engine has CDI switched off, so it cannot give a container the GPU by its CDI name.',
    repair: {
      text: 'Set "features": {"cdi": true} in /etc/docker/daemon.json and restart Docker, or upgrade to Docker Engine 28.2 or newer.',
      command: restartDocker,
    },
  },
  {
    pattern:
      /could not select device driver "[^"]*" with capabilities: \[\[gpu|failed to discover GPU vendor from CDI|no known GPU vendor found/,
    code: 'gpu_toolkit_missing',
    message:
      'The engine knows no way to reach an NVIDIA GPU: the NVIDIA Container Toolkit is not installed, or Docker was not restarted after it was.',
    repair: {
      text: 'Install nvidia-container-toolkit and restart Docker. Docker from snap cannot use it: install Docker Engine from docker.com instead. Without an NVIDIA GPU choose to run on the CPU.',
      command: `sudo apt-get install -y nvidia-container-toolkit && ${restartDocker}`,
    },
  },
  {
    pattern: /AMD CDI spec not found/,
    code: 'gpu_toolkit_missing',
    message:
      "The engine offers the GPU through AMD's way only, because NVIDIA's programs were not there when it started.",
    repair: {
      text: 'Restart Docker, so that it finds the NVIDIA Container Toolkit.',
      command: restartDocker,
    },
  },
  {
    pattern: /unresolvable CDI devices runtime\.nvidia\.com/,
    code: 'gpu_driver_too_old',
    message:
      'The NVIDIA runtime could not describe the GPU to the engine; most often the driver is too old for the toolkit.',
    repair: {
      text: 'Upgrade the NVIDIA driver, and nvidia-container-toolkit to 1.18.2 or newer, which says the exact reason.',
      command: 'nvidia-ctk cdi generate --output=/dev/null',
    },
  },
  {
    pattern: /unresolvable CDI devices ([^\s;]+)/,
    code: 'gpu_device_unknown',
    message: (match) =>
      `The engine has no CDI description of ${match[1]?.replace(/["\\]+.*$/, '')}: it is missing, outdated, or names other GPUs.`,
    repair: { text: 'Let the NVIDIA Container Toolkit write the description anew.', command: refreshCdi },
  },
  {
    pattern: /unsatisfied condition: cuda\s*>=\s*([0-9.]+)/,
    code: 'gpu_driver_too_old',
    message: (match) => `The NVIDIA driver is too old for the image, which needs CUDA ${match[1]}.`,
    repair: {
      text: 'Upgrade the NVIDIA driver and restart the computer.',
      command: 'sudo ubuntu-drivers install --gpgpu',
    },
  },
  {
    pattern: /driver\/library version mismatch/i,
    code: 'gpu_driver_mismatch',
    message:
      'The NVIDIA driver was upgraded while its old kernel module is still loaded, so nothing can use the GPU.',
    repair: { text: 'Restart the computer.', command: 'sudo systemctl reboot' },
  },
  {
    pattern: /load library failed: libnvidia-ml\.so|libnvidia-ml\.so\.1: cannot open/,
    code: 'gpu_driver_missing',
    message:
      'The engine cannot see the NVIDIA driver: it is not installed, or this engine (Docker from snap, Docker Desktop) has no access to it.',
    repair: {
      text: 'Install the NVIDIA driver and check it with nvidia-smi. With Docker from snap or Docker Desktop use Docker Engine from docker.com.',
      command: 'sudo ubuntu-drivers install --gpgpu',
    },
  },
  {
    pattern: /couldn't communicate with the NVIDIA driver|nvml error: driver not loaded/i,
    code: 'gpu_driver_missing',
    message: 'The NVIDIA driver is installed but its kernel module is not loaded.',
    repair: {
      text: 'Load it; if that fails, install the driver for the running kernel and restart the computer.',
      command: 'sudo modprobe nvidia',
    },
  },
  {
    pattern: /Failed to initialize NVML: Insufficient Permissions/i,
    code: 'gpu_permission_denied',
    message: 'SELinux keeps the container from the GPU.',
    repair: {
      text: 'Allow containers to use devices.',
      command: 'sudo setsebool -P container_use_devices true',
    },
  },
  {
    pattern: /bpf_prog_query\(BPF_CGROUP_DEVICE\) failed/,
    code: 'gpu_permission_denied',
    message: "A rootless engine may not use NVIDIA's legacy hook.",
    repair: {
      text: 'Give the engine a CDI description of the GPU, which needs no such right.',
      command: 'nvidia-ctk cdi generate --output="$XDG_CONFIG_HOME/cdi/nvidia.yaml"',
    },
  },
  {
    pattern: /Failed to initialize NVML: Unknown Error/i,
    code: 'gpu_access_lost',
    message:
      'The container lost the GPU: the engine took its device rights away, as a systemd daemon-reload does with the legacy hook.',
    repair: {
      text: 'Recreate the sandbox. To keep it from happening again, use Docker Engine 28.2 or newer with CDI.',
    },
  },
  {
    pattern: /update-application-profile[\s\S]*read-only file system/i,
    code: 'gpu_unavailable',
    message: 'nvidia-container-toolkit 1.20.0 fails where /etc/nvidia cannot be written.',
    repair: {
      text: 'Upgrade the toolkit past 1.20.0.',
      command: `sudo apt-get install --only-upgrade nvidia-container-toolkit && ${restartDocker}`,
    },
  },
  {
    pattern:
      /nvidia-container-cli|nvidia-container-runtime|nvidia-cdi-hook|CDI device injection failed|nvml error/i,
    code: 'gpu_unavailable',
    message: (match) => `The NVIDIA Container Toolkit could not give the container the GPU (${match[0]}).`,
    repair: {
      text: 'Check the driver and the toolkit on this computer.',
      command: 'nvidia-smi && nvidia-ctk cdi list',
    },
  },
];

const resourceRows: readonly Row[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    code: 'disk_full',
    message:
      "The disk that holds the engine's images and containers is full (its space, or its number of files).",
    repair: {
      text: 'Free space, for example of images and build steps that nothing uses.',
      command: 'docker system prune',
    },
    retryable: true,
  },
  {
    pattern: /port is already allocated|address already in use|ports are not available/i,
    code: 'port_in_use',
    message: 'The port of the sandbox is already in use on this computer.',
    repair: { text: 'Stop what uses it, or choose another port in the settings.' },
    retryable: true,
  },
  {
    pattern:
      /Conflict\. The container name|container name ["']?\S+["']? is already in use|name is already in use/i,
    code: 'name_in_use',
    message: 'Another container already has the name of the sandbox.',
    repair: {
      text: 'Take that container over, rename or remove it, or choose another name in the settings.',
    },
  },
  {
    pattern: /No such image|image not known|manifest unknown: .*local|unable to find image/i,
    code: 'image_missing',
    message: 'The engine does not have the image of the sandbox.',
    repair: { text: 'Build the image.' },
  },
  {
    pattern: /cannot allocate memory|out of memory/i,
    code: 'out_of_memory',
    message: 'The computer has not enough free memory for this.',
    repair: { text: 'Close other programs, or lower the memory limit in the settings.' },
    retryable: true,
  },
  {
    pattern: /container-init binary not found|docker-init": executable file not found/i,
    code: 'container_failed',
    message: 'The engine lacks the small init program that looks after processes in containers.',
    repair: { text: 'Install it.', command: 'sudo apt-get install -y catatonit tini' },
  },
  {
    pattern: /No such container|no container with name or ID/i,
    code: 'container_missing',
    message: 'The container is not there any more.',
    repair: { text: 'Create the sandbox again.' },
  },
  {
    pattern: /No such exec/i,
    code: 'not_found',
    message: 'The engine does not know this program in the container any more.',
    repair: { text: 'Open a new terminal.' },
  },
  {
    pattern: /container \S+ is not running|container state improper/i,
    code: 'container_not_running',
    message: 'The container is not running.',
    repair: { text: 'Start the sandbox.' },
  },
];

const connectionRows: readonly Row[] = [
  {
    pattern: /client version [\d.]+ is too old|Minimum supported API version/i,
    code: 'unsupported',
    message: 'The engine refuses the newest API version that this app speaks.',
    repair: { text: 'Upgrade lm-sandbox.' },
  },
  {
    pattern: /Client sent an HTTP request to an HTTPS server/i,
    code: 'engine_failed',
    message: 'The engine wants TLS on this address.',
    repair: {
      text: 'Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a docker context that has the certificates.',
    },
  },
];

/** What may be known of a failure beside its text. */
export interface FailureContext {
  /** What was attempted, for the sentence of an unknown failure: `start the container`. */
  readonly action: string;
  /** The code of a failure that no row knows. */
  readonly fallback?: ErrorCode;
}

/** Any failure of dockerode or of the socket under it as an LmError. */
export function mapEngineFailure(error: unknown, context: FailureContext): LmError {
  if (error instanceof LmError) return error;
  const failure = readFailure(error);
  if (failure.statusCode !== null) return mapText(failure.text, context, failure.statusCode, error);
  if (failure.aborted) return new LmError('cancelled', `Stopped: ${context.action}.`, { cause: error });
  return new LmError(
    'engine_connection_lost',
    `The connection to the container engine broke (${context.action}).`,
    {
      details: { reason: failure.errno ?? failure.text },
      retryable: true,
      cause: error,
    },
  );
}

/** A text the engine gave in an answer, a stream or a container's state. */
export function mapText(
  text: string,
  context: FailureContext,
  statusCode: number | null = null,
  cause?: unknown,
): LmError {
  const details: ErrorData['details'] = statusCode === null ? { reason: text } : { reason: text, statusCode };
  const row = findRow([...gpuRows, ...resourceRows, ...connectionRows], text);
  if (row) return fromRow(row.row, row.match, details, cause);
  const code = context.fallback ?? 'engine_failed';
  return new LmError(code, `The engine could not ${context.action}: ${sentence(text)}`, { details, cause });
}

/** Why an engine could not be reached at all. `place` is the socket's path or the host. */
export function mapConnectFailure(error: unknown, place: string): LmError {
  if (error instanceof LmError) return error;
  const failure = readFailure(error);
  const options = {
    details: { place, reason: failure.errno ?? failure.text },
    retryable: true,
    cause: error,
  };
  switch (failure.errno) {
    case 'ENOENT':
      return new LmError('engine_not_running', `No container engine listens at ${place}.`, {
        ...options,
        repair: startDockerRepair,
      });
    case 'ECONNREFUSED':
      return new LmError('engine_not_running', `The container engine at ${place} is not running.`, {
        ...options,
        repair: startDockerRepair,
      });
    case 'EACCES':
    case 'EPERM':
      return new LmError(
        'engine_permission_denied',
        `You are not allowed to use the container engine at ${place}.`,
        {
          ...options,
          repair: {
            text: 'Become a member of the docker group, then log out and in again (that group has the rights of root on this computer).',
            command: 'sudo usermod -aG docker $USER',
          },
        },
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return new LmError(
        'engine_not_running',
        `The computer of the container engine, ${place}, cannot be reached.`,
        {
          ...options,
          repair: { text: 'Check the address in the settings or in DOCKER_HOST, and the network.' },
        },
      );
    default:
  }
  if (/certificate|TLS|SSL/i.test(failure.text) && failure.statusCode === null) {
    return new LmError('engine_failed', `The TLS connection to ${place} failed: ${sentence(failure.text)}`, {
      ...options,
      repair: { text: 'Check the certificates in DOCKER_CERT_PATH or of the docker context.' },
    });
  }
  if (failure.statusCode !== null) {
    return mapText(failure.text, { action: `answer at ${place}` }, failure.statusCode, error);
  }
  return new LmError(
    'engine_failed',
    `What listens at ${place} does not answer like a container engine: ${sentence(failure.text)}`,
    options,
  );
}

export function notResponding(place: string, timeoutMs: number): LmError {
  return new LmError(
    'engine_not_responding',
    `The container engine at ${place} accepts connections but did not answer within ${Math.round(timeoutMs / 1000)} s.`,
    {
      details: { place, timeoutMs },
      repair: { text: 'It hangs, or is still starting. If it stays so, restart it.', command: restartDocker },
      retryable: true,
    },
  );
}

const startDockerRepair = { text: 'Start it.', command: 'sudo systemctl start docker' };

function findRow(
  rows: readonly Row[],
  text: string,
): { readonly row: Row; readonly match: RegExpExecArray } | undefined {
  for (const row of rows) {
    const match = row.pattern.exec(text);
    if (match) return { row, match };
  }
  return undefined;
}

function fromRow(
  row: Row,
  match: RegExpExecArray,
  details: ErrorData['details'],
  cause: unknown,
  step: string | null = null,
): LmError {
  const message = typeof row.message === 'string' ? row.message : row.message(match, step);
  return new LmError(row.code, message, {
    details,
    repair: row.repair,
    retryable: row.retryable ?? false,
    cause,
  });
}

// ---- Builds ------------------------------------------------------------------------------------------

/** Rows for what the engine itself says, mostly while it pulls a base image. */
const pullRows: readonly Row[] = [
  {
    // The engine itself pulls base images, with the certificates of its own computer.
    pattern: /x509: certificate signed by unknown authority|tls: failed to verify certificate/i,
    code: 'build_certificate_untrusted',
    message:
      'The engine does not trust the certificate of the image registry: an inspecting proxy stands between them.',
    repair: {
      text: "Install the proxy's CA certificate on the engine's computer (/usr/local/share/ca-certificates, *.crt) and restart Docker.",
      command: `sudo update-ca-certificates && ${restartDocker}`,
    },
  },
  {
    pattern: /toomanyrequests|You have reached your (?:unauthenticated )?pull rate limit/i,
    code: 'build_network_failed',
    message: 'The image registry refuses more downloads from this address for now.',
    repair: {
      text: 'Wait some hours, then build again, or pull the base images by hand where you are logged in.',
    },
    retryable: true,
  },
  {
    pattern:
      /(?:manifest for (\S+) not found|pull access denied for ([^\s,]+)|repository (\S+) not found|manifest unknown)/i,
    code: 'image_build_failed',
    message: (match, step) =>
      `A base image of the build does not exist: ${match.slice(1).find(Boolean) ?? step ?? 'see the log'}.`,
    repair: { text: 'Check the build arguments that name base images, and that you may read that registry.' },
  },
];

/** Rows for what the engine or a command in a step says. */
const buildRows: readonly Row[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    code: 'disk_full',
    message: "The disk that holds the engine's images became full during the build.",
    repair: {
      text: 'Free space, then build again; finished steps are kept.',
      command: 'docker system prune',
    },
    retryable: true,
  },
  {
    pattern:
      /CERTIFICATE_VERIFY_FAILED|x509: certificate signed by unknown authority|tls: failed to verify certificate|self[- ]signed certificate|unable to get local issuer certificate|SSL certificate problem|certificate verification failed|certificate verify failed|certificate is NOT trusted|server certificate verification failed/i,
    code: 'build_certificate_untrusted',
    message:
      'A step of the build does not trust the certificate of a server: an inspecting proxy with a CA of its own stands between them.',
    repair: {
      text: 'In the settings, name the folder with your CA certificates (*.crt) under "Folder with extra CA certificates", then build again.',
    },
  },
  {
    pattern:
      /Temporary failure (?:in name resolution|resolving)|Could not resolve host|no such host|Name or service not known|Network is unreachable|i\/o timeout|TLS handshake timeout|Connection timed out|connect: connection refused|Failed to establish a new connection|Could not connect to|Max retries exceeded|Unable to connect to|request canceled while waiting for connection|Unable to fetch some archives|Failed to fetch http/i,
    code: 'build_network_failed',
    message: 'A step of the build could not reach a server it downloads from.',
    repair: {
      text: 'Check the network (and a proxy, if there is one), then build again; finished steps are kept.',
    },
    retryable: true,
  },
  {
    pattern: /returned a non-zero code: 137|exit status 137|signal: killed|Cannot allocate memory/i,
    code: 'out_of_memory',
    message: 'A step of the build was killed, likely for lack of memory.',
    repair: { text: 'Close other programs or give the engine more memory, then build again.' },
    retryable: true,
  },
];

/**
 * Why a build failed. Builders report only "returned a non-zero code: 1" for a failed command, so the cause is
 * looked for in its own last lines too.
 * @param step Name of the step that failed.
 * @param lastLines What it wrote last, oldest first.
 */
export function mapBuildFailure(
  errorText: string,
  step: string | null,
  lastLines: readonly string[],
): LmError {
  const details = { reason: errorText, step, lastLines: lastLines.slice(-20).join('\n') };
  const pulled = findRow(pullRows, errorText);
  if (pulled) return fromRow(pulled.row, pulled.match, details, undefined, step);
  // The newest line that says something known is the cause; earlier ones are often warnings.
  for (const text of [errorText, ...[...lastLines].reverse()]) {
    const found = findRow(buildRows, text);
    if (found) return fromRow(found.row, found.match, details, undefined);
  }
  const place = step === null ? 'The build failed' : `The build failed in the step "${step}"`;
  return new LmError('image_build_failed', `${place}: ${sentence(errorText)}`, {
    details,
    repair: { text: 'Its last lines say why.' },
  });
}

// ---- Reading foreign errors --------------------------------------------------------------------------

interface Failure {
  readonly text: string;
  readonly statusCode: number | null;
  readonly errno: string | null;
  readonly aborted: boolean;
}

function readFailure(error: unknown): Failure {
  const field = (name: string): unknown =>
    typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
  const statusCode = field('statusCode');
  const code = field('code');
  const name = field('name');
  return {
    text: answerText(field('json')) ?? (error instanceof Error ? error.message : String(error)),
    statusCode: typeof statusCode === 'number' ? statusCode : null,
    errno: typeof code === 'string' ? code : null,
    aborted: name === 'AbortError' || code === 'ABORT_ERR',
  };
}

function answerText(json: unknown): string | null {
  if (typeof json !== 'object' || json === null) return null;
  const message: unknown = Reflect.get(json, 'message');
  return typeof message === 'string' && message !== '' ? message : null;
}

function sentence(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ').slice(0, 600) || 'it gave no reason';
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
