import { describe, expect, it } from 'vitest';
import type { ErrorCode, SandboxPhase } from '../../../contract';
import { LmError } from '../../../contract';
import { inspection } from '../container-engine.fakes';
import { derivePhase, type SandboxObservation } from './derive-phase';

const observation: SandboxObservation = {
  connected: true,
  operation: null,
  container: null,
  ours: true,
  ending: 'unknown',
  gateway: 'starting',
  gatewayError: null,
  lastLines: [],
};

const created = inspection({ state: 'created', startedAtMs: null });
const running = inspection();
const exited = (exitCode: number, changes: Parameters<typeof inspection>[0] = {}) =>
  inspection({ state: 'exited', exitCode, ...changes });
const startError = new LmError('gpu_toolkit_missing', 'x').data;

describe('the phase of the sandbox', () => {
  it.each<[string, Partial<SandboxObservation>, SandboxPhase, ErrorCode | null]>([
    ['no engine', { connected: false, container: running }, 'unknown', null],
    ['no container', {}, 'absent', null],
    ['no container while one is made', { operation: 'create' }, 'absent', null],
    ['a container of somebody else', { container: running, ours: false }, 'foreign', 'name_in_use'],
    ['a stopped container of somebody else', { container: exited(1), ours: false }, 'foreign', 'name_in_use'],
    ['made', { container: created }, 'created', null],
    ['made and being started', { container: created, operation: 'start' }, 'starting', null],
    [
      'made and being started as part of create',
      { container: created, operation: 'create' },
      'starting',
      null,
    ],
    ['made, start failed', { container: { ...created, error: startError } }, 'failed', 'gpu_toolkit_missing'],
    ['running, nothing known yet', { container: running }, 'starting', null],
    ['running, gateway answers', { container: running, gateway: 'ok' }, 'healthy', null],
    ['running, engine says starting', { container: { ...running, health: 'starting' } }, 'starting', null],
    ['running, engine says healthy', { container: { ...running, health: 'healthy' } }, 'healthy', null],
    [
      'healthy inside, unreachable from outside',
      { container: { ...running, health: 'healthy' }, gateway: 'failing' },
      'healthy',
      'gateway_unreachable',
    ],
    [
      'running, engine says unhealthy',
      { container: { ...running, health: 'unhealthy' } },
      'unhealthy',
      'gateway_unreachable',
    ],
    [
      'gateway answers although the engine still says unhealthy',
      { container: { ...running, health: 'unhealthy' }, gateway: 'ok' },
      'healthy',
      null,
    ],
    [
      'gateway stopped answering',
      { container: running, gateway: 'failing' },
      'unhealthy',
      'gateway_unreachable',
    ],
    [
      'gateway refuses the token',
      { container: running, gateway: 'failing', gatewayError: new LmError('gateway_unauthorized', 'x').data },
      'unhealthy',
      'gateway_unauthorized',
    ],
    ['being stopped', { container: running, operation: 'stop' }, 'stopping', null],
    [
      'being restarted, still running',
      { container: running, operation: 'restart', gateway: 'ok' },
      'stopping',
      null,
    ],
    ['being restarted, already down', { container: exited(0), operation: 'restart' }, 'starting', null],
    ['being removed', { container: running, operation: 'remove' }, 'stopping', null],
    ['being removed by the engine', { container: inspection({ state: 'removing' }) }, 'stopping', null],
    [
      'paused from outside',
      { container: inspection({ state: 'paused' }) },
      'unhealthy',
      'container_not_running',
    ],
    ['restarted by the engine', { container: inspection({ state: 'restarting' }) }, 'starting', null],
    ['ended by itself with 0', { container: exited(0) }, 'stopped', null],
    ['ended on a request from before this host began', { container: exited(143) }, 'stopped', null],
    [
      'stopped by this app, even when it had to be killed',
      { container: exited(137), ending: 'requested' },
      'stopped',
      null,
    ],
    ['killed by somebody', { container: exited(137), ending: 'from-outside' }, 'stopped', null],
    ['killed by nobody', { container: exited(137) }, 'failed', 'out_of_memory'],
    ['killed with the flag', { container: exited(137, { outOfMemory: true }) }, 'failed', 'out_of_memory'],
    ['flag with another code', { container: exited(1, { outOfMemory: true }) }, 'failed', 'out_of_memory'],
    ['told by an event only', { container: exited(1), ending: 'out-of-memory' }, 'failed', 'out_of_memory'],
    [
      'flag although somebody also killed it',
      { container: exited(137, { outOfMemory: true }), ending: 'from-outside' },
      'failed',
      'out_of_memory',
    ],
    [
      'gone with the engine',
      { container: exited(137), ending: 'out-of-sight' },
      'stopped',
      'container_not_running',
    ],
    ['ended with an error', { container: exited(3) }, 'failed', 'container_failed'],
    [
      'could not be started again',
      { container: exited(128, { error: startError }) },
      'failed',
      'gpu_toolkit_missing',
    ],
    ['being started after a failure', { container: exited(3), operation: 'start' }, 'starting', null],
    ['dead', { container: inspection({ state: 'dead', exitCode: 1 }) }, 'failed', 'container_failed'],
  ])('%s', (_name, changes, phase, code) => {
    const derived = derivePhase({ ...observation, ...changes });
    expect(derived.phase).toBe(phase);
    expect(derived.error?.code ?? null).toBe(code);
  });

  it('says "likely" only where the engine did not say it', () => {
    expect(derivePhase({ ...observation, container: exited(137) }).error?.message).toContain(
      'likely out of memory',
    );
    const certain = derivePhase({ ...observation, container: exited(137, { outOfMemory: true }) });
    expect(certain.error?.message).toBe('The sandbox was ended for lack of memory.');
  });

  it('offers to raise the memory limit only where there is one', () => {
    const limited = exited(137, { memoryLimitBytes: 1e9 });
    expect(derivePhase({ ...observation, container: limited }).error?.repair?.text).toContain(
      'raise the memory limit',
    );
    expect(derivePhase({ ...observation, container: exited(137) }).error?.repair?.text).not.toContain(
      'raise',
    );
  });

  it('carries the last lines of a program that failed', () => {
    const { error } = derivePhase({ ...observation, container: exited(3), lastLines: ['a', 'b'] });
    expect(error?.details).toEqual({ exitCode: 3, lastLines: 'a\nb' });
  });
});
