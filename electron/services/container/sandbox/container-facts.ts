import type { ContainerFacts, GpuChoice, ImageFacts, Settings } from '../../../contract';
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
import type { ContainerInspection } from '../ports';
import { containerOptions } from './container-options';

/** Whether this app made it, by its label. */
export function isMadeByUs(container: ContainerInspection): boolean {
  return container.labels[managedLabel] === 'true';
}

export function tokenOf(container: ContainerInspection): string | null {
  return container.environment[tokenVariable] || null;
}

export function hostPortOf(container: ContainerInspection): number | null {
  return container.publishedPorts.find((port) => port.containerPort === gatewayPort)?.hostPort ?? null;
}

export function gpuOf(container: ContainerInspection): ContainerFacts['gpu'] {
  const requests = container.deviceRequests.filter(
    (request) => request.Driver === 'cdi' || request.Capabilities?.some((all) => all.includes('gpu')),
  );
  // Podman's answer leaves the requests out; what was asked for then stands in the labels.
  const labelled = container.labels[gpuChoiceLabel] === 'all';
  if (requests.length === 0) {
    if (!labelled) return { choice: 'none', mechanism: 'none', devices: [] };
    const mechanism = container.labels[gpuMechanismLabel] === 'cdi' ? 'cdi' : 'gpus-flag';
    return { choice: 'all', mechanism, devices: ['all'] };
  }
  const names = requests.flatMap((request) => request.DeviceIDs ?? []);
  return {
    choice: 'all',
    mechanism: requests.some((request) => request.Driver === 'cdi') ? 'cdi' : 'gpus-flag',
    devices: names.length > 0 ? names.map((name) => name.replace(/^nvidia\.com\/gpu=/, '')) : ['all'],
  };
}

export function toContainerFacts(
  container: ContainerInspection,
  ours: boolean,
  outdated: readonly string[],
): ContainerFacts {
  return {
    id: container.id,
    name: container.name,
    imageId: container.imageId,
    imageReference: container.imageReference,
    managed: ours,
    outdated: [...outdated],
    createdAtMs: container.createdAtMs,
    startedAtMs: container.startedAtMs,
    finishedAtMs: container.finishedAtMs,
    exitCode: container.state === 'exited' || container.state === 'dead' ? container.exitCode : null,
    outOfMemory: container.outOfMemory,
    gpu: gpuOf(container),
    hostPort: hostPortOf(container),
    memoryLimitBytes: container.memoryLimitBytes,
    cpuLimit: container.cpuLimit,
    pidsLimit: container.pidsLimit,
    volumes: container.volumes.map((volume) => ({ ...volume })),
  };
}

/** Plain reasons why a container made now would differ; empty when it would not. */
export function outdatedReasons(
  container: ContainerInspection,
  image: ImageFacts,
  settings: Settings,
  plan: GpuPlan | null,
): string[] {
  if (!isMadeByUs(container)) return [];
  const reasons: string[] = [];
  if (image.state === 'present' && image.id !== container.imageId) reasons.push('The image was built anew.');
  if ((container.memoryLimitBytes ?? null) !== settings.memoryLimitBytes)
    reasons.push('The memory limit changed.');
  if ((container.cpuLimit ?? null) !== settings.cpuLimit) reasons.push('The CPU limit changed.');
  if (container.pidsLimit !== settings.pidsLimit) reasons.push('The limit of processes changed.');
  if (hostPortOf(container) !== settings.hostPort) reasons.push('The port changed.');
  const volumeAt = (path: string) => container.volumes.find((volume) => volume.path === path)?.name;
  if (volumeAt(workspacePath) !== settings.workspaceVolume) reasons.push('The workspace volume changed.');
  if (volumeAt(modelsPath) !== settings.modelsVolume) reasons.push('The models volume changed.');
  if (reasons.length > 0) return reasons;
  const choice: GpuChoice = gpuOf(container).choice;
  const now = containerOptions(settings, choice, plan, '').Labels[optionsLabel];
  return container.labels[optionsLabel] === now
    ? []
    : ['This version of lm-sandbox, or this engine, would make the container with other options.'];
}
