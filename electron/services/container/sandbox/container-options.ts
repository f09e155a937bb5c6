import { createHash } from 'node:crypto';
import type { GpuChoice, Settings } from '../../../contract';
import type { GpuPlan } from '../engine/gpu-plan';
import {
  gatewayPort,
  gpuChoiceLabel,
  gpuMechanismLabel,
  managedLabel,
  modelsPath,
  optionsLabel,
  tokenVariable,
  workspacePath,
} from '../labels';
import type { ContainerOptions } from '../ports';

const mebibyte = 1024 * 1024;

/** Seconds between asking the container's programs to end and ending them. */
export const stopGraceSeconds = 15;

/**
 * The one place where container options are made, from validated settings only.
 * @param gpu `none` gives no device and also refuses one that a default NVIDIA runtime would add by itself.
 * @param plan How the engine gives GPUs; must hold a request when `gpu` is `all`.
 */
export function containerOptions(
  settings: Settings,
  gpu: GpuChoice,
  plan: GpuPlan | null,
  token: string,
): ContainerOptions {
  const request = gpu === 'all' ? (plan?.request ?? null) : null;
  const memoryBytes = settings.memoryLimitBytes ?? 0;
  const options: ContainerOptions = {
    // The user is the image's own, which is not root; the service refuses an image that runs as root.
    Image: settings.imageName,
    Hostname: 'lm-sandbox',
    Env: [`${tokenVariable}=${token}`, ...(gpu === 'none' ? ['NVIDIA_VISIBLE_DEVICES=void'] : [])],
    Labels: {
      [managedLabel]: 'true',
      [gpuChoiceLabel]: gpu,
      [gpuMechanismLabel]: request === null ? 'none' : (plan?.gpu.mechanism ?? 'none'),
    },
    ExposedPorts: { [gatewayPort]: {} },
    StopTimeout: stopGraceSeconds,
    HostConfig: {
      CapDrop: ['ALL'],
      // Seccomp and AppArmor stay at the engine's default profiles because they are not named here.
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      Init: true,
      PidsLimit: settings.pidsLimit,
      Memory: memoryBytes,
      // Equal to Memory: no swap beyond it, or the limit would move the load to the disk.
      MemorySwap: memoryBytes,
      NanoCpus: Math.round((settings.cpuLimit ?? 0) * 1e9),
      // CUDA and PyTorch share memory between processes; the default of 64 MiB breaks them.
      ShmSize: 1024 * mebibyte,
      // Docker 29 lowered the default to 1,024, too few for many clients and model files. Much more would be
      // refused at the start where the engine itself may not have it, as in rootless or nested ones.
      Ulimits: [{ Name: 'nofile', Soft: 16_384, Hard: 16_384 }],
      PortBindings: { [gatewayPort]: [{ HostIp: '127.0.0.1', HostPort: String(settings.hostPort) }] },
      PublishAllPorts: false,
      Mounts: [
        { Type: 'volume', Source: settings.workspaceVolume, Target: workspacePath, ReadOnly: false },
        { Type: 'volume', Source: settings.modelsVolume, Target: modelsPath, ReadOnly: false },
      ],
      NetworkMode: 'bridge',
      IpcMode: 'private',
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      // Not `unless-stopped`: a sandbox that ran out of memory shall be seen as such instead of starting over
      // and over, and none shall hold a GPU and a port after a reboot that nobody asked to.
      RestartPolicy: { Name: 'no' },
      DeviceRequests: request === null ? [] : [request],
    },
  };
  return { ...options, Labels: { ...options.Labels, [optionsLabel]: optionsHash(options) } };
}

/** Over everything but the token, which is new each time. */
function optionsHash(options: ContainerOptions): string {
  const Env = options.Env.filter((entry) => !entry.startsWith(`${tokenVariable}=`));
  return createHash('sha256')
    .update(JSON.stringify({ ...options, Env }))
    .digest('hex')
    .slice(0, 16);
}
