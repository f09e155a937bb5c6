import { describe, expect, it } from 'vitest';
import { gpuPlan, isOlder } from './gpu-plan';

const plain = { Driver: '', Count: -1, Capabilities: [['gpu']] };
const cdiAll = { Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=all'] };
const listed = ['nvidia.com/gpu=0', 'nvidia.com/gpu=GPU-1234', 'nvidia.com/gpu=all', 'amd.com/gpu=all'];

describe('the GPU request', () => {
  it.each([
    // product, version, CDI devices, mechanism, request
    ['docker', '20.10.24+dfsg1', null, 'gpus-flag', plain],
    ['docker', '26.1.5', null, 'gpus-flag', plain],
    ['docker', '28.1.1', null, 'gpus-flag', plain],
    ['docker', '28.2.0', listed, 'cdi', cdiAll],
    ['docker', '28.5.2', listed, 'cdi', cdiAll],
    ['docker', '28.5.2', [], 'gpus-flag', plain],
    ['docker', '28.5.2', null, 'gpus-flag', plain],
    ['docker', '28.5.2', ['amd.com/gpu=all'], 'gpus-flag', plain],
    ['docker', '29.0.0-rc.1', listed, 'cdi', cdiAll],
    ['docker', '29.1.9', listed, 'cdi', cdiAll],
    ['docker', '29.2.0', listed, 'gpus-flag', plain],
    ['docker', '29.7.2', [], 'gpus-flag', plain],
    ['docker', '30.0.0', listed, 'gpus-flag', plain],
    ['unknown', '', null, 'gpus-flag', plain],
    ['podman', '5.4.0', null, 'cdi', cdiAll],
    ['podman', '6.0.1', null, 'cdi', cdiAll],
  ] as const)('%s %s with devices %j uses %s', (product, version, cdiDevices, mechanism, request) => {
    const plan = gpuPlan({ product, version, cdiDevices });
    expect(plan.gpu.mechanism).toBe(mechanism);
    expect(plan.gpu.error).toBeNull();
    expect(plan.request).toEqual(request);
  });

  it.each(['4.3.1', '4.9.3', '5.3.2'])(
    'is refused with the reason on Podman %s, which would ignore it',
    (version) => {
      const plan = gpuPlan({ product: 'podman', version, cdiDevices: null });
      expect(plan.request).toBeNull();
      expect(plan.gpu).toMatchObject({ mechanism: 'none', error: { code: 'gpu_unavailable' } });
      expect(plan.gpu.error?.message).toContain('silently ignores');
      expect(plan.gpu.error?.repair?.text).toContain('5.4');
    },
  );

  it('names each GPU once when the engine lists no "all"', () => {
    const cdiDevices = [
      'nvidia.com/gpu=0',
      'nvidia.com/gpu=1',
      'nvidia.com/gpu=GPU-a',
      'nvidia.com/gpu=GPU-b',
    ];
    expect(gpuPlan({ product: 'docker', version: '28.5.2', cdiDevices }).request).toEqual({
      Driver: 'cdi',
      DeviceIDs: ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'],
    });
    expect(
      gpuPlan({ product: 'docker', version: '28.5.2', cdiDevices: cdiDevices.slice(2) }).request?.DeviceIDs,
    ).toEqual(['nvidia.com/gpu=GPU-a', 'nvidia.com/gpu=GPU-b']);
  });

  it('reports the devices without their kind, and only NVIDIA ones', () => {
    expect(gpuPlan({ product: 'docker', version: '28.5.2', cdiDevices: listed }).gpu.devices).toEqual([
      '0',
      'GPU-1234',
      'all',
    ]);
  });
});

describe('comparing versions', () => {
  it.each([
    ['28.2.0', [28, 2], false],
    ['28.1.99', [28, 2], true],
    ['28.10.0', [28, 2], false],
    ['29', [29, 0], false],
    ['1.1.5+ds1', [1, 3, 6], true],
    ['', [1], true],
  ] as const)('%s against %j', (version, than, older) => {
    expect(isOlder(version, than)).toBe(older);
  });
});
