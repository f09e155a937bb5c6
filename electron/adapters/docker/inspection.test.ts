import { describe, expect, it } from 'vitest';
import { productOf, readTime, toInformation, toInspection } from './inspection';
import { containerSchema, infoSchema, versionSchema, type ContainerAnswer } from './wire';

const version = versionSchema.parse({
  Platform: { Name: 'Docker Engine - Community' },
  Components: [
    { Name: 'Engine', Version: '29.7.2', Details: {} },
    { Name: 'containerd', Version: 'v2.3.3' },
    { Name: 'runc', Version: '1.4.3' },
  ],
  Version: '29.7.2',
  ApiVersion: '1.55',
  MinAPIVersion: '1.40',
});

const podman = versionSchema.parse({
  Components: [
    { Name: 'Podman Engine', Version: '4.3.1' },
    { Name: 'Conmon', Version: 'conmon version 2.1.6' },
    { Name: 'OCI Runtime (runc)', Version: 'runc version 1.1.5' },
  ],
  Version: '4.3.1',
  ApiVersion: '1.41',
  MinAPIVersion: '1.24',
});

/** A container as an engine describes it, with everything that may be left out left out. */
function container(changes: { readonly [K in keyof ContainerAnswer]?: unknown } = {}) {
  const bare = {
    Id: 'abc',
    Name: '/lm_container',
    Image: 'sha256:1',
    State: { Status: 'running' },
    Config: {},
    HostConfig: {},
  };
  return toInspection(containerSchema.parse({ ...bare, ...changes }));
}

describe('what an engine says of itself', () => {
  it('is joined from its version and its description', () => {
    const info = infoSchema.parse({
      OperatingSystem: 'Ubuntu 24.04.3 LTS',
      KernelVersion: '6.8.0',
      Architecture: 'x86_64',
      NCPU: 8,
      MemTotal: 33e9,
      CgroupVersion: '2',
      Driver: 'overlayfs',
      DockerRootDir: '/var/lib/docker',
      SecurityOptions: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=rootless', 'name=cgroupns'],
      Warnings: null,
      DiscoveredDevices: [{ Source: 'cdi', ID: 'nvidia.com/gpu=all' }],
    });
    expect(toInformation(version, info, '1.55')).toMatchObject({
      product: 'docker',
      version: '29.7.2',
      apiVersion: '1.55',
      cpus: 8,
      rootless: true,
      runcVersion: '1.4.3',
      containerdVersion: 'v2.3.3',
      cdiDevices: ['nvidia.com/gpu=all'],
      warnings: [],
    });
  });

  it('is missing where it is not said, never zero or empty', () => {
    const bare = toInformation(podman, infoSchema.parse({ NCPU: 0, MemTotal: 0, Driver: '' }), '1.41');
    expect(bare).toMatchObject({
      product: 'podman',
      cpus: null,
      memoryBytes: null,
      cgroupVersion: null,
      storageDriver: null,
      cdiDevices: null,
      runcVersion: null,
    });
    expect(productOf(versionSchema.parse({ Version: '1', ApiVersion: '1.41' }))).toBe('unknown');
  });
});

describe('what an engine says of a container', () => {
  it('may leave out nearly everything', () => {
    expect(container()).toMatchObject({
      id: 'abc',
      name: 'lm_container',
      imageReference: 'sha256:1',
      state: 'running',
      health: 'none',
      startedAtMs: null,
      exitCode: null,
      publishedPorts: [],
      memoryLimitBytes: null,
      volumes: [],
      deviceRequests: [],
      risks: [],
    });
  });

  it.each([
    ['created', 'created'],
    ['configured', 'created'],
    ['running', 'running'],
    ['paused', 'paused'],
    ['exited', 'exited'],
    ['stopped', 'exited'],
    ['dead', 'dead'],
    ['removing', 'removing'],
    ['restarting', 'restarting'],
  ])('state %s is %s', (status, state) => {
    expect(container({ State: { Status: status } }).state).toBe(state);
  });

  it('is read in units: times, limits, ports, environment', () => {
    const read = container({
      Created: '2026-11-23T12:00:00.5Z',
      State: {
        Status: 'exited',
        ExitCode: 137,
        OOMKilled: true,
        StartedAt: '0001-01-01T00:00:00Z',
        Health: { Status: 'unhealthy' },
      },
      Config: { Image: 'lm-docker', Env: ['LM_API_TOKEN=a=b', 'EMPTY=', '=x', 'odd'], Labels: null },
      HostConfig: {
        Memory: 0,
        NanoCpus: 1_500_000_000,
        PidsLimit: -1,
        PortBindings: {
          '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: '8000' }],
          '9/udp': [{ HostIp: '', HostPort: '9' }],
          '10/tcp': null,
          '11/tcp': [{ HostIp: '', HostPort: '' }],
        },
        DeviceRequests: [{ Driver: '', Count: -1, DeviceIDs: null, Capabilities: [['gpu']], Options: {} }],
      },
      Mounts: [
        { Type: 'volume', Name: 'lm_models', Source: '/var/lib/docker/volumes/x', Destination: '/models' },
      ],
    });
    expect(read).toMatchObject({
      createdAtMs: Date.parse('2026-11-23T12:00:00.5Z'),
      startedAtMs: null,
      exitCode: 137,
      outOfMemory: true,
      health: 'unhealthy',
      environment: { LM_API_TOKEN: 'a=b', EMPTY: '' },
      memoryLimitBytes: null,
      cpuLimit: 1.5,
      pidsLimit: null,
      publishedPorts: [
        { containerPort: '8000/tcp', hostAddress: '127.0.0.1', hostPort: 8000 },
        { containerPort: '9/udp', hostAddress: '0.0.0.0', hostPort: 9 },
      ],
      deviceRequests: [{ Driver: '', Count: -1, Capabilities: [['gpu']] }],
      volumes: [{ name: 'lm_models', path: '/models' }],
      risks: [],
    });
  });

  it('maps why it could not be started', () => {
    const text = 'could not select device driver "" with capabilities: [[gpu]]';
    expect(container({ State: { Status: 'created', Error: text } }).error).toMatchObject({
      code: 'gpu_toolkit_missing',
      details: { reason: text },
    });
  });

  it.each([
    [{ Privileged: true }, /privileged/],
    [{ NetworkMode: 'host' }, /network namespace/],
    [{ PidMode: 'host' }, /process namespace/],
    [{ IpcMode: 'host' }, /IPC namespace/],
    [{ UsernsMode: 'host' }, /user namespace/],
    [{ CapAdd: ['SYS_ADMIN'] }, /SYS_ADMIN/],
    [{ SecurityOpt: ['seccomp=unconfined'] }, /seccomp=unconfined/],
    [{ SecurityOpt: ['label=disable'] }, /label=disable/],
  ])('names the danger of %j', (HostConfig, risk) => {
    expect(container({ HostConfig }).risks.join()).toMatch(risk);
  });

  it("names folders of the host, the engine's own socket among them", () => {
    const read = container({
      Mounts: [{ Type: 'bind', Source: '/var/run/docker.sock', Destination: '/var/run/docker.sock' }],
    });
    expect(read.risks).toEqual(['It can reach /var/run/docker.sock of this computer.']);
  });
});

it('the year 1 is how engines write "never"', () => {
  expect(readTime('0001-01-01T00:00:00Z')).toBeNull();
  expect(readTime('')).toBeNull();
  expect(readTime('nonsense')).toBeNull();
});
