import type { z } from 'zod';
import type { ContainerInspection, DeviceRequest, EngineInformation } from '../../services/container/ports';
import { mapText } from './error-table';
import type { ContainerAnswer, infoSchema, VersionAnswer } from './wire';

/** Joins the answers of `/version` and `/info`. */
export function toInformation(
  version: VersionAnswer,
  info: z.infer<typeof infoSchema>,
  apiVersion: string,
): EngineInformation {
  const component = (name: string) =>
    version.Components?.find((part) => part.Name.toLowerCase() === name)?.Version ?? null;
  const securityOptions = info.SecurityOptions ?? [];
  return {
    product: productOf(version),
    version: version.Version,
    apiVersion,
    operatingSystem: info.OperatingSystem ?? 'unknown',
    kernelVersion: info.KernelVersion ?? 'unknown',
    architecture: info.Architecture ?? 'unknown',
    cpus: positive(info.NCPU),
    memoryBytes: positive(info.MemTotal),
    cgroupVersion: info.CgroupVersion || null,
    storageDriver: info.Driver || null,
    rootDirectory: info.DockerRootDir || null,
    rootless: securityOptions.some((option) => option.includes('name=rootless')),
    securityOptions,
    runcVersion: component('runc'),
    containerdVersion: component('containerd'),
    warnings: info.Warnings ?? [],
    cdiDevices: info.DiscoveredDevices?.map((device) => device.ID) ?? null,
  };
}

/** By the components' names: Podman answers with its own version number in the place of Docker's. */
export function productOf(version: VersionAnswer): EngineInformation['product'] {
  const names = version.Components?.map((part) => part.Name) ?? [];
  if (names.includes('Podman Engine')) return 'podman';
  return names.includes('Engine') ? 'docker' : 'unknown';
}

export function toInspection(answer: ContainerAnswer): ContainerInspection {
  const { State: state, Config: config, HostConfig: host } = answer;
  return {
    id: answer.Id,
    name: answer.Name.replace(/^\//, ''),
    imageId: answer.Image,
    imageReference: config.Image ?? answer.Image,
    labels: config.Labels ?? {},
    environment: readEnvironment(config.Env ?? []),
    state: readState(state.Status),
    health: readHealth(state.Health?.Status),
    createdAtMs: readTime(answer.Created),
    startedAtMs: readTime(state.StartedAt),
    finishedAtMs: readTime(state.FinishedAt),
    exitCode: state.ExitCode ?? null,
    outOfMemory: state.OOMKilled ?? false,
    error: state.Error
      ? mapText(state.Error, { action: 'start the container', fallback: 'container_failed' }).data
      : null,
    publishedPorts: Object.entries(host.PortBindings ?? {}).flatMap(([containerPort, bindings]) =>
      (bindings ?? []).flatMap((binding) => {
        const hostPort = Number(binding.HostPort);
        if (!Number.isInteger(hostPort) || hostPort <= 0) return [];
        return [{ containerPort, hostAddress: binding.HostIp || '0.0.0.0', hostPort }];
      }),
    ),
    memoryLimitBytes: positive(host.Memory),
    cpuLimit: host.NanoCpus ? host.NanoCpus / 1e9 : null,
    pidsLimit: positive(host.PidsLimit),
    volumes: (answer.Mounts ?? []).flatMap((mount) =>
      mount.Type === 'volume' && mount.Name ? [{ name: mount.Name, path: mount.Destination }] : [],
    ),
    deviceRequests: (host.DeviceRequests ?? []).map(toDeviceRequest),
    risks: readRisks(answer),
  };
}

export function readTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const timeMs = Date.parse(text);
  // The engine writes "never" as the year 1.
  return Number.isFinite(timeMs) && timeMs > 0 ? timeMs : null;
}

function toDeviceRequest(request: {
  Driver?: string | null;
  Count?: number | null;
  DeviceIDs?: string[] | null;
  Capabilities?: string[][] | null;
}): DeviceRequest {
  return {
    Driver: request.Driver ?? '',
    ...(request.Count ? { Count: request.Count } : {}),
    ...(request.DeviceIDs?.length ? { DeviceIDs: request.DeviceIDs } : {}),
    ...(request.Capabilities?.length ? { Capabilities: request.Capabilities } : {}),
  };
}

function readEnvironment(entries: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals > 0) environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return environment;
}

function readState(status: string): ContainerInspection['state'] {
  switch (status) {
    case 'running':
    case 'paused':
    case 'restarting':
    case 'removing':
    case 'exited':
    case 'dead':
      return status;
    // Podman's words.
    case 'stopped':
      return 'exited';
    case 'stopping':
      return 'running';
    default:
      return 'created';
  }
}

function readHealth(status: string | null | undefined): ContainerInspection['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : 'none';
}

function readRisks(answer: ContainerAnswer): string[] {
  const host = answer.HostConfig;
  const risks: string[] = [];
  if (host.Privileged) risks.push('It runs privileged, with the rights of root on this computer.');
  const namespaces = [
    ['network', host.NetworkMode],
    ['process', host.PidMode],
    ['IPC', host.IpcMode],
    ['host name', host.UTSMode],
    ['user', host.UsernsMode],
  ] as const;
  for (const [name, mode] of namespaces) {
    if (mode === 'host') risks.push(`It shares the ${name} namespace of this computer.`);
  }
  for (const capability of host.CapAdd ?? []) risks.push(`It has the extra right ${capability}.`);
  for (const option of host.SecurityOpt ?? []) {
    if (/unconfined|label[=:]disable/.test(option))
      risks.push(`It runs with the protection switched off: ${option}.`);
  }
  for (const mount of answer.Mounts ?? []) {
    if (mount.Type === 'bind') risks.push(`It can reach ${mount.Source ?? 'a folder'} of this computer.`);
  }
  return risks;
}

function positive(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && value > 0 ? value : null;
}
