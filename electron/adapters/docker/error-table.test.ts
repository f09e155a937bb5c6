import { describe, expect, it } from 'vitest';
import { LmError } from '../../contract';
import { mapBuildFailure, mapConnectFailure, mapEngineFailure, mapText, notResponding } from './error-table';

const start = { action: 'start the container', fallback: 'container_failed' } as const;

describe('failures of a start', () => {
  it.each([
    ['could not select device driver "" with capabilities: [[gpu]]', 'gpu_toolkit_missing', /restart docker/],
    ['could not select device driver "nvidia" with capabilities: [[gpu]]', 'gpu_toolkit_missing', /toolkit/],
    [
      'failed to create task for container: failed to discover GPU vendor from CDI: no known GPU vendor found',
      'gpu_toolkit_missing',
      /nvidia-container-toolkit/,
    ],
    ['AMD CDI spec not found', 'gpu_toolkit_missing', /restart docker/],
    ['could not select device driver "cdi" with capabilities: []', 'gpu_toolkit_missing', /restart docker/],
    [
      'CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all',
      'gpu_device_unknown',
      /nvidia-cdi-refresh/,
    ],
    [
      'failed to create task: could not apply required modification to OCI specification: error modifying OCI spec: failed to inject CDI devices: unresolvable CDI devices runtime.nvidia.com/gpu=all: unknown',
      'gpu_driver_too_old',
      /nvidia-ctk/,
    ],
    [
      'nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer version, or use an earlier cuda container: unknown',
      'gpu_driver_too_old',
      /ubuntu-drivers/,
    ],
    [
      'nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory: unknown',
      'gpu_driver_missing',
      /ubuntu-drivers/,
    ],
    [
      'nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown',
      'gpu_driver_missing',
      /modprobe/,
    ],
    [
      'nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown',
      'gpu_driver_mismatch',
      /reboot/,
    ],
    ['Failed to initialize NVML: Driver/library version mismatch', 'gpu_driver_mismatch', /reboot/],
    ['Failed to initialize NVML: Insufficient Permissions', 'gpu_permission_denied', /setsebool/],
    ['Failed to initialize NVML: Unknown Error', 'gpu_access_lost', null],
    [
      'nvidia-container-cli: mount error: failed to add device rules: unable to find any existing device filters attached to the cgroup: bpf_prog_query(BPF_CGROUP_DEVICE) failed: operation not permitted: unknown',
      'gpu_permission_denied',
      /cdi generate/,
    ],
    [
      'nvidia-cdi-hook update-application-profile: open /etc/nvidia/x: read-only file system',
      'gpu_unavailable',
      /only-upgrade/,
    ],
    ['nvidia-container-cli: detection error: something new', 'gpu_unavailable', /nvidia-smi/],
    [
      'driver failed programming external connectivity on endpoint lm_container (0e): Bind for 127.0.0.1:8000 failed: port is already allocated',
      'port_in_use',
      null,
    ],
    [
      'failed to set up container networking: driver failed programming external connectivity on endpoint lm_container (0e): failed to bind host port for 127.0.0.1:8000:172.17.0.2:8000/tcp: address already in use',
      'port_in_use',
      null,
    ],
    [
      'driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 127.0.0.1:8000: bind: address already in use',
      'port_in_use',
      null,
    ],
    [
      'Conflict. The container name "/lm_container" is already in use by container "abc". You have to remove (or rename) that container to be able to reuse that name.',
      'name_in_use',
      null,
    ],
    [
      'creating container storage: the container name "lm_container" is already in use by 9f2c. You have to remove that container to be able to reuse that name: that name is already in use',
      'name_in_use',
      null,
    ],
    ['No such image: lm-docker:latest', 'image_missing', null],
    ['mkdir /var/lib/docker/overlay2/ab: no space left on device', 'disk_full', /prune/],
    [
      'container create: container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file or directory',
      'container_failed',
      /catatonit/,
    ],
    ['No such container: abc', 'container_missing', null],
    ['OCI runtime create failed: exec: "/nothing": no such file or directory', 'container_failed', null],
  ] as const)('%s', (text, code, command) => {
    const error = mapText(text, start, 500);
    expect(error.code).toBe(code);
    expect(error.data.details).toMatchObject({ reason: text, statusCode: 500 });
    if (command) expect(error.data.repair?.command).toMatch(command);
    if (code !== 'container_failed') expect(error.data.repair?.text).toBeTruthy();
  });

  it('takes the first known cause when an engine joins the failures of two mechanisms', () => {
    const text =
      'CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all\ncould not select device driver "" with capabilities: [[gpu]]';
    // Neither a CDI description nor the hook: the toolkit is what is missing.
    expect(mapText(text, start).code).toBe('gpu_toolkit_missing');
  });

  it('says in words what the device and the CUDA version were', () => {
    expect(mapText('unresolvable CDI devices nvidia.com/gpu=7', start).message).toContain(
      'nvidia.com/gpu=7:',
    );
    expect(mapText('unsatisfied condition: cuda>=12.8, please', start).message).toContain('CUDA 12.8.');
  });

  it('keeps an unknown text as the reason and cuts it for the sentence', () => {
    const error = mapText(`strange\n${'x'.repeat(5_000)}`, start);
    expect(error.message.length).toBeLessThan(700);
    expect(error.message).toMatch(/^The engine could not start the container: strange x/);
  });
});

describe('errors of dockerode', () => {
  it('never leave the adapter, and their answer text decides', () => {
    const foreign = Object.assign(new Error('(HTTP code 500) server error - wrapped '), {
      statusCode: 500,
      reason: 'server error',
      json: { message: 'could not select device driver "" with capabilities: [[gpu]]' },
    });
    const error = mapEngineFailure(foreign, start);
    expect(error).toBeInstanceOf(LmError);
    expect(error.code).toBe('gpu_toolkit_missing');
    expect(JSON.stringify(error.data)).not.toContain('HTTP code');
  });

  it.each([
    [Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), 'engine_connection_lost'],
    [Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' }), 'engine_connection_lost'],
    [
      Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }),
      'cancelled',
    ],
  ])('%s', (foreign, code) => {
    expect(mapEngineFailure(foreign, start).code).toBe(code);
  });

  it('leaves an error that is mapped already as it is', () => {
    const error = new LmError('not_found', 'x');
    expect(mapEngineFailure(error, start)).toBe(error);
    expect(mapConnectFailure(error, 'x')).toBe(error);
  });
});

describe('an engine that cannot be reached', () => {
  it.each([
    ['ENOENT', 'engine_not_running', /systemctl start docker/],
    ['ECONNREFUSED', 'engine_not_running', /systemctl start docker/],
    ['EACCES', 'engine_permission_denied', /usermod -aG docker \$USER/],
    ['ENOTFOUND', 'engine_not_running', null],
    ['EHOSTUNREACH', 'engine_not_running', null],
  ] as const)('%s is %s with its repair', (errno, code, command) => {
    const error = mapConnectFailure(Object.assign(new Error(errno), { code: errno }), '/run/docker.sock');
    expect(error.code).toBe(code);
    expect(error.message).toContain('/run/docker.sock');
    if (command) expect(error.data.repair?.command).toMatch(command);
    expect(error.data.retryable).toBe(true);
  });

  it('names the re-login that a new group needs', () => {
    const error = mapConnectFailure(Object.assign(new Error('x'), { code: 'EACCES' }), '/s');
    expect(error.data.repair?.text).toMatch(/log out and in again/);
  });

  it('tells a hanging engine, TLS trouble and a stranger apart', () => {
    expect(notResponding('/s', 5_000).message).toContain('within 5 s');
    expect(
      mapConnectFailure(new Error('unable to verify the first certificate'), 'h:2376').message,
    ).toContain('TLS');
    expect(mapConnectFailure(new Error('Parse Error: Expected HTTP/'), 'h:22').message).toContain(
      'does not answer like a container engine',
    );
    const plainHttp = Object.assign(new Error('x'), {
      statusCode: 400,
      json: { message: 'Client sent an HTTP request to an HTTPS server.' },
    });
    expect(mapConnectFailure(plainHttp, 'h:2376').data.repair?.text).toContain('DOCKER_CERT_PATH');
  });
});

describe('failures of a build', () => {
  const nonZero = "The command '/bin/sh -c pip install x' returned a non-zero code: 1";
  it.each([
    [
      nonZero,
      [
        "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain (_ssl.c:1006)'))",
        'ERROR: No matching distribution',
      ],
      'build_certificate_untrusted',
      /extra CA certificates/,
    ],
    [
      nonZero,
      ['curl: (60) SSL certificate problem: unable to get local issuer certificate'],
      'build_certificate_untrusted',
      /settings/,
    ],
    [
      'Get "https://registry-1.docker.io/v2/": x509: certificate signed by unknown authority',
      [],
      'build_certificate_untrusted',
      /restart Docker/,
    ],
    [
      nonZero,
      [
        'Err:1 http://deb.debian.org/debian bookworm InRelease',
        "  Temporary failure resolving 'deb.debian.org'",
      ],
      'build_network_failed',
      /network/,
    ],
    [
      'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
      [],
      'build_network_failed',
      /network/,
    ],
    [
      nonZero,
      [
        'go: module x: Get "https://proxy": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      ],
      'build_certificate_untrusted',
      /settings/,
    ],
    [nonZero, ['sh: 1: maek: not found'], 'image_build_failed', /last lines/],
    [
      'toomanyrequests: You have reached your pull rate limit.',
      [],
      'build_network_failed',
      /Wait some hours/,
    ],
    ['failed to register layer: write /usr/lib/x: no space left on device', [], 'disk_full', /Free space/],
    [nonZero, ['dpkg: error processing: No space left on device'], 'disk_full', /Free space/],
    [
      'manifest for ghcr.io/a/b:server-cuda-b1 not found: manifest unknown: manifest unknown',
      [],
      'image_build_failed',
      /base images/,
    ],
    [
      "pull access denied for no-such-base, repository does not exist or may require 'docker login'",
      [],
      'image_build_failed',
      /base images/,
    ],
    ["The command '/bin/sh -c make' returned a non-zero code: 137", [], 'out_of_memory', /memory/],
    [nonZero, ['error: something else'], 'image_build_failed', /last lines/],
  ] as const)('%s with %j', (text, lines, code, repair) => {
    const error = mapBuildFailure(text, 'RUN x', lines);
    expect(error.code).toBe(code);
    expect(error.data.repair?.text).toMatch(repair);
    expect(error.data.details).toMatchObject({ reason: text, step: 'RUN x' });
  });

  it('names the base image that is missing, or the failed step', () => {
    expect(mapBuildFailure('pull access denied for no-such-base, repository', null, []).message).toContain(
      'no-such-base',
    );
    expect(mapBuildFailure('odd', 'RUN make', []).message).toBe(
      'The build failed in the step "RUN make": odd.',
    );
  });
});
