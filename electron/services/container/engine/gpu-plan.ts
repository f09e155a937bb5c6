import { LmError, type EngineGpu } from '../../../contract';
import type { DeviceRequest, EngineInformation } from '../ports';

/** How a container is given all GPUs of this engine. `request` is null exactly when `gpu.error` is set. */
export interface GpuPlan {
  readonly gpu: EngineGpu;
  readonly request: DeviceRequest | null;
}

const nvidiaKind = 'nvidia.com/gpu=';

/**
 * Decides by product, version and the CDI devices the engine lists. It never says "no GPU" from what is
 * absent: the `nvidia` runtime need not be configured for `--gpus` (the engine looks for NVIDIA's hook on its
 * own PATH), and CDI specifications may be there without being listed before 28.2. So the request is made,
 * and the start of the container gives the truth, which the error table maps.
 */
export function gpuPlan(information: Pick<EngineInformation, 'product' | 'version' | 'cdiDevices'>): GpuPlan {
  const listed = (information.cdiDevices ?? [])
    .filter((name) => name.startsWith(nvidiaKind))
    .map((name) => name.slice(nvidiaKind.length));

  if (information.product === 'podman') {
    if (isOlder(information.version, [5, 4])) return podmanTooOld(information.version);
    return cdi(listed.length > 0 ? listed : ['all']);
  }
  // 28.2 to 29.1 list CDI devices but serve the plain form through the legacy hook, whose devices are lost
  // at the next systemd daemon-reload. From 29.2 on the engine itself tries CDI first for the plain form.
  const listsButPrefersHook = !isOlder(information.version, [28, 2]) && isOlder(information.version, [29, 2]);
  if (listsButPrefersHook && listed.length > 0) return cdi(listed);
  return {
    gpu: { mechanism: 'gpus-flag', devices: listed, error: null },
    request: { Driver: '', Count: -1, Capabilities: [['gpu']] },
  };
}

function cdi(devices: readonly string[]): GpuPlan {
  return {
    gpu: { mechanism: 'cdi', devices: [...devices], error: null },
    request: { Driver: 'cdi', DeviceIDs: allOf(devices).map((device) => `${nvidiaKind}${device}`) },
  };
}

/** The same GPU is listed by index and by UUID; asking for both names would inject it twice. */
function allOf(devices: readonly string[]): readonly string[] {
  if (devices.includes('all')) return ['all'];
  const byIndex = devices.filter((device) => /^\d+(:\d+)?$/.test(device));
  return byIndex.length > 0 ? byIndex : devices;
}

function podmanTooOld(version: string): GpuPlan {
  const error = new LmError(
    'gpu_unavailable',
    `Podman ${version} silently ignores GPU requests made through Docker's API; that works from Podman 5.4.`,
    {
      details: { version },
      repair: { text: 'Upgrade Podman to 5.4 or newer, use Docker Engine, or choose to run on the CPU.' },
    },
  );
  return { gpu: { mechanism: 'none', devices: [], error: error.data }, request: null };
}

/** Compares the leading numbers of a version such as `20.10.24+dfsg1` or `29.0.0-rc.1`. */
export function isOlder(version: string, than: readonly number[]): boolean {
  const numbers =
    version
      .split(/[^0-9.]/, 1)[0]
      ?.split('.')
      .map(Number) ?? [];
  for (const [index, wanted] of than.entries()) {
    const have = numbers[index] ?? 0;
    if (have !== wanted) return have < wanted;
  }
  return false;
}
