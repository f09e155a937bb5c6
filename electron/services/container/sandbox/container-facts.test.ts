import { describe, expect, it } from 'vitest';
import { defaultSettings, type ImageFacts, type Settings } from '../../../contract';
import { information, inspection } from '../container-engine.fakes';
import { gpuPlan } from '../engine/gpu-plan';
import type { ContainerInspection } from '../ports';
import { gpuOf, outdatedReasons } from './container-facts';
import { containerOptions } from './container-options';

const plan = gpuPlan(information());
const image: ImageFacts = {
  state: 'present',
  reference: 'lm-docker',
  id: 'sha256:image',
  sizeBytes: 1,
  createdAtMs: null,
  current: true,
};

/** The container as the engine would describe it after it was made from these settings. */
function madeFrom(settings: Settings, changes: Partial<ContainerInspection> = {}): ContainerInspection {
  const options = containerOptions(settings, 'none', plan, 'x');
  return inspection({
    labels: options.Labels,
    memoryLimitBytes: settings.memoryLimitBytes,
    cpuLimit: settings.cpuLimit,
    pidsLimit: settings.pidsLimit,
    publishedPorts: [{ containerPort: '8000/tcp', hostAddress: '127.0.0.1', hostPort: settings.hostPort }],
    volumes: [
      { name: settings.workspaceVolume, path: '/workspace' },
      { name: settings.modelsVolume, path: '/models' },
    ],
    ...changes,
  });
}

describe('what recreating would change', () => {
  it('is nothing for a container made now', () => {
    expect(outdatedReasons(madeFrom(defaultSettings), image, defaultSettings, plan)).toEqual([]);
  });

  it.each<[Partial<Settings>, string]>([
    [{ memoryLimitBytes: 4e9 }, 'The memory limit changed.'],
    [{ cpuLimit: 2 }, 'The CPU limit changed.'],
    [{ pidsLimit: 100 }, 'The limit of processes changed.'],
    [{ hostPort: 9_000 }, 'The port changed.'],
    [{ workspaceVolume: 'other' }, 'The workspace volume changed.'],
    [{ modelsVolume: 'other' }, 'The models volume changed.'],
  ])('is named for %j', (changes, reason) => {
    const settings = { ...defaultSettings, ...changes };
    expect(outdatedReasons(madeFrom(defaultSettings), image, settings, plan)).toEqual([reason]);
  });

  it('is a newer image', () => {
    expect(
      outdatedReasons(madeFrom(defaultSettings), { ...image, id: 'sha256:new' }, defaultSettings, plan),
    ).toEqual(['The image was built anew.']);
  });

  it('is told also where only the hash of the options shows it', () => {
    const container = madeFrom(defaultSettings);
    const older = { ...container, labels: { ...container.labels, 'dev.lm-sandbox.options': 'older' } };
    expect(outdatedReasons(older, image, defaultSettings, plan)[0]).toMatch(/other options/);
  });

  it('is not asked of an adopted container', () => {
    expect(outdatedReasons(inspection({ labels: {} }), image, defaultSettings, plan)).toEqual([]);
  });
});

describe('the GPU of a container', () => {
  it.each<[string, Partial<ContainerInspection>, ReturnType<typeof gpuOf>]>([
    ['none', {}, { choice: 'none', mechanism: 'none', devices: [] }],
    [
      'by CDI',
      { deviceRequests: [{ Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'] }] },
      { choice: 'all', mechanism: 'cdi', devices: ['0', '1'] },
    ],
    [
      'by --gpus',
      { deviceRequests: [{ Driver: '', Count: -1, Capabilities: [['gpu']] }] },
      { choice: 'all', mechanism: 'gpus-flag', devices: ['all'] },
    ],
    [
      'another device',
      { deviceRequests: [{ Driver: 'other' }] },
      { choice: 'none', mechanism: 'none', devices: [] },
    ],
    [
      'as labelled, where the engine does not report requests',
      { labels: { 'dev.lm-sandbox.gpu': 'all', 'dev.lm-sandbox.gpu-mechanism': 'cdi' } },
      { choice: 'all', mechanism: 'cdi', devices: ['all'] },
    ],
  ])('%s', (_name, changes, gpu) => {
    expect(gpuOf(inspection(changes))).toEqual(gpu);
  });
});
