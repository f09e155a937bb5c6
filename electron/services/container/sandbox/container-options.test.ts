import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultSettings, settingsSchema, type Settings } from '../../../contract';
import { information } from '../container-engine.fakes';
import { gpuPlan } from '../engine/gpu-plan';
import { containerOptions } from './container-options';

const plan = gpuPlan(information({ version: '28.5.2', cdiDevices: ['nvidia.com/gpu=all'] }));

describe('the options of the container', () => {
  it('are exactly these for the default settings with GPUs', () => {
    const options = containerOptions(defaultSettings, 'all', plan, 'secret');
    expect(options).toEqual({
      Image: 'lm-docker',
      Hostname: 'lm-sandbox',
      Env: ['LM_API_TOKEN=secret'],
      Labels: {
        'dev.lm-sandbox.managed': 'true',
        'dev.lm-sandbox.gpu': 'all',
        'dev.lm-sandbox.gpu-mechanism': 'cdi',
        'dev.lm-sandbox.options': options.Labels['dev.lm-sandbox.options'],
      },
      ExposedPorts: { '8000/tcp': {} },
      StopTimeout: 15,
      HostConfig: {
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Privileged: false,
        Init: true,
        PidsLimit: 4096,
        Memory: 0,
        MemorySwap: 0,
        NanoCpus: 0,
        ShmSize: 1_073_741_824,
        Ulimits: [{ Name: 'nofile', Soft: 16_384, Hard: 16_384 }],
        PortBindings: { '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: '8000' }] },
        PublishAllPorts: false,
        Mounts: [
          { Type: 'volume', Source: 'lm_workspace', Target: '/workspace', ReadOnly: false },
          { Type: 'volume', Source: 'lm_models', Target: '/models', ReadOnly: false },
        ],
        NetworkMode: 'bridge',
        IpcMode: 'private',
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        RestartPolicy: { Name: 'no' },
        DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=all'] }],
      },
    });
  });

  it('take limits from the settings, and never allow swap beyond the memory limit', () => {
    const settings: Settings = {
      ...defaultSettings,
      memoryLimitBytes: 4e9,
      cpuLimit: 1.5,
      pidsLimit: 200,
      hostPort: 9_000,
    };
    expect(containerOptions(settings, 'none', plan, 't').HostConfig).toMatchObject({
      Memory: 4e9,
      MemorySwap: 4e9,
      NanoCpus: 1_500_000_000,
      PidsLimit: 200,
      PortBindings: { '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: '9000' }] },
    });
  });

  it('give no device for the CPU, and also refuse one that a default NVIDIA runtime would add', () => {
    const options = containerOptions(defaultSettings, 'none', plan, 'secret');
    expect(options.HostConfig.DeviceRequests).toEqual([]);
    expect(options.Env).toEqual(['LM_API_TOKEN=secret', 'NVIDIA_VISIBLE_DEVICES=void']);
    expect(options.Labels).toMatchObject({
      'dev.lm-sandbox.gpu': 'none',
      'dev.lm-sandbox.gpu-mechanism': 'none',
    });
  });

  it('have the same hash for the same options, another for others, and none of the token in it', () => {
    const hash = (settings: Settings, token: string) =>
      containerOptions(settings, 'all', plan, token).Labels['dev.lm-sandbox.options'];
    expect(hash(defaultSettings, 'a')).toBe(hash(defaultSettings, 'b'));
    expect(hash(defaultSettings, 'a')).not.toBe(hash({ ...defaultSettings, pidsLimit: 100 }, 'a'));
  });

  it('stay harmless whatever passes for settings', () => {
    // Anything a page could send: only what the schema accepts reaches the options.
    const oneOf = (good: readonly unknown[], bad: readonly unknown[]) =>
      fc.oneof(
        { weight: 10, arbitrary: fc.constantFrom(...good) },
        { weight: 2, arbitrary: fc.constantFrom(...bad) },
        { weight: 1, arbitrary: fc.anything() },
      );
    const hostile = fc.record(
      {
        containerName: oneOf(['a', 'b.c_d-e'], ['../x', '--privileged', 'a b', '/etc']),
        imageName: oneOf(['lm-docker', 'a/b:c'], ['-v', 'http://x', 'A', 'a b']),
        workspaceVolume: oneOf(['w', 'w2'], ['/', '/var/run/docker.sock', '../..', 'a:/b']),
        modelsVolume: oneOf(['m', 'm2'], ['/root', './x', 'a/b']),
        hostPort: oneOf([8000, 1, 65_535], [0, -1, 70_000, 1.5]),
        memoryLimitBytes: oneOf([null, 2 ** 29, 2 ** 40], [1, -1]),
        cpuLimit: oneOf([null, 0.5, 64], [0, -1, Infinity]),
        pidsLimit: oneOf([64, 4096], [-1, 0, 63]),
        Privileged: fc.constant(true),
        Binds: fc.constant(['/:/host']),
      },
      { requiredKeys: [] },
    );
    const safeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;
    let accepted = 0;
    fc.assert(
      fc.property(hostile, (changes) => {
        const settings = settingsSchema.safeParse({ ...defaultSettings, ...changes });
        if (!settings.success) return;
        accepted += 1;
        const options = containerOptions(settings.data, 'none', null, 't');
        const { HostConfig: host } = options;
        expect(Object.keys(host).sort()).toEqual(
          Object.keys(containerOptions(defaultSettings, 'none', null, 't').HostConfig).sort(),
        );
        expect(host).toMatchObject({
          Privileged: false,
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
        });
        expect(host.PidsLimit).toBeGreaterThanOrEqual(64);
        for (const mount of host.Mounts) {
          expect(mount.Type).toBe('volume');
          expect(mount.Source).toMatch(safeName);
        }
        expect(options.Image).not.toMatch(/^-|\s|\/\//);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it.each([
    ['containerName', '../lm'],
    ['containerName', ''],
    ['workspaceVolume', '/var/run/docker.sock'],
    ['modelsVolume', 'a:/etc'],
    ['imageName', 'Lm-Docker --privileged'],
    ['hostPort', 0],
    ['hostPort', 8000.5],
    ['pidsLimit', -1],
    ['memoryLimitBytes', 1],
    ['engineUrl', 'javascript:alert(1)'],
  ])('cannot be made from %s = %j', (key, value) => {
    expect(settingsSchema.safeParse({ ...defaultSettings, [key]: value }).success).toBe(false);
  });
});
