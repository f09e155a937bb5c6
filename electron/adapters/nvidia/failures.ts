import { LmError, type ErrorCode } from '../../contract';

interface Cause {
  readonly pattern: RegExp;
  /** Exit statuses that mean the same by nvidia-smi's manual, for when the text is unknown. */
  readonly exitCodes: readonly number[];
  readonly code: ErrorCode;
  readonly message: string;
  readonly repair: { readonly text: string; readonly command?: string };
  readonly retryable: boolean;
}

const recreate = { text: 'Recreate the sandbox; its workspace and models are kept.' };

/** What nvidia-smi says instead of rows, first match wins. */
const causes: readonly Cause[] = [
  {
    pattern: /driver\/library version mismatch/i,
    exitCodes: [],
    code: 'gpu_driver_mismatch',
    message: 'The NVIDIA driver was updated while its old kernel module is still loaded.',
    repair: { text: 'Restart the computer, then start the sandbox again.', command: 'sudo reboot' },
    retryable: true,
  },
  {
    pattern: /GPU is lost|fallen off the bus|unable to determine the device handle|GPU requires reset/i,
    exitCodes: [15],
    code: 'gpu_access_lost',
    message: 'The GPU stopped answering its driver.',
    repair: {
      text: 'Restart the computer. If it happens again, look for "Xid" in the kernel log.',
      command: 'sudo dmesg | grep -i xid',
    },
    retryable: true,
  },
  {
    pattern: /failed to initialize NVML: unknown error/i,
    exitCodes: [],
    code: 'gpu_access_lost',
    message: 'The container has lost its access to the GPU, as happens after a reload of the system manager.',
    repair: recreate,
    retryable: true,
  },
  {
    pattern: /insufficient permissions/i,
    exitCodes: [4],
    code: 'gpu_permission_denied',
    message: 'The container may not use the GPU: the system denies access to its device files.',
    repair: {
      text: 'On a system with SELinux, allow containers to use devices, then recreate the sandbox.',
      command: 'sudo setsebool -P container_use_devices on',
    },
    retryable: false,
  },
  {
    pattern: /no devices were found/i,
    exitCodes: [6],
    code: 'gpu_unavailable',
    message: 'The NVIDIA driver runs, but finds no GPU.',
    repair: {
      text: 'Check on the host that the GPU is listed, then recreate the sandbox.',
      command: 'nvidia-smi -L',
    },
    retryable: true,
  },
  {
    pattern: /couldn't communicate with the NVIDIA driver|driver is not loaded|driver not loaded/i,
    exitCodes: [9],
    code: 'gpu_driver_missing',
    message: 'The NVIDIA driver is not loaded on the host.',
    repair: {
      text: 'Install or load the driver on the host, restart it, then recreate the sandbox.',
      command: 'sudo ubuntu-drivers install',
    },
    retryable: true,
  },
  {
    pattern: /couldn't find libnvidia-ml|NVML (shared )?library|libnvidia-ml\.so/i,
    exitCodes: [12],
    code: 'gpu_driver_missing',
    message: "The container has nvidia-smi but not the driver's library that it needs.",
    repair: recreate,
    retryable: false,
  },
  {
    pattern: /nvidia-smi: (command )?not found|can't execute 'nvidia-smi'|exec: nvidia-smi/i,
    exitCodes: [127],
    code: 'gpu_unavailable',
    message:
      'The container was created for the GPU, but the engine put no nvidia-smi into it: it has no GPU.',
    repair: { text: 'Check that the engine lists a GPU, then recreate the sandbox.' },
    retryable: false,
  },
];

/** True for a line that tells of a failure listed here. */
export function isFailureLine(line: string): boolean {
  return causes.some((cause) => cause.pattern.test(line));
}

/** Why nvidia-smi ended, from what it said last and its exit status (null: unknown). */
export function toGpuError(messages: readonly string[], exitCode: number | null): LmError {
  const text = messages.join('\n').trim();
  const cause =
    causes.find(({ pattern }) => pattern.test(text)) ??
    causes.find(({ exitCodes }) => exitCode !== null && exitCodes.includes(exitCode));
  const details = { nvidiaSmi: text.slice(0, 1000) || null, exitCode };
  if (cause) {
    return new LmError(cause.code, cause.message, {
      details,
      repair: cause.repair,
      retryable: cause.retryable,
    });
  }
  const ending = exitCode === null ? 'ended' : `ended with status ${exitCode}`;
  return new LmError(
    'gpu_unavailable',
    `nvidia-smi ${ending}${text ? `: ${text.slice(0, 300)}` : ' without a word'}.`,
    {
      details,
      repair: {
        text: 'Run nvidia-smi in a terminal of the sandbox to see what it says.',
        command: 'nvidia-smi',
      },
      retryable: true,
    },
  );
}
