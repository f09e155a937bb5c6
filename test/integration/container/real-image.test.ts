import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGatewayHealth } from '../../../electron/adapters/gateway/health';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';
import { createHarness, finderFor, whenEngine, whenSandbox, type Harness } from './harness';

describe('the real image under the real options', () => {
  let engine: Engine;
  let harness: Harness;
  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', name: 'container-image' });
    const imageName = await ensureSandboxImage(engine);
    harness = await createHarness({
      finder: finderFor(engine.host),
      settings: { hostPort: 18_471, imageName },
      gatewayHealth: createGatewayHealth(),
    });
    await whenEngine(harness, ({ state }) => state === 'connected');
  });
  afterAll(async () => {
    harness?.dispose();
    await engine?.stop();
  });

  it('becomes healthy, tells of its parts, writes to its volumes, and ends in an orderly way', async () => {
    await harness.sandbox.create('none');
    const healthy = await whenSandbox(
      harness,
      ({ phase, parts }) =>
        phase === 'healthy' &&
        parts.length === 3 &&
        parts.every((part) => part.state === 'ready' || part.name === 'llama-cpp'),
      90_000,
    );
    expect(healthy.parts.map((part) => part.name).sort()).toEqual(['gateway', 'llama-cpp', 'ollama']);
    expect(healthy.parts.find((part) => part.name === 'gateway')?.state).toBe('ready');
    expect(healthy.parts.find((part) => part.name === 'ollama')?.state).toBe('ready');
    expect(healthy.error).toBeNull();

    await engine.docker([
      'exec',
      'lm_container',
      'sh',
      '-c',
      'echo kept > /workspace/file && echo x > /models/probe',
    ]);
    await harness.sandbox.recreate('none');
    expect((await engine.docker(['exec', 'lm_container', 'cat', '/workspace/file'])).stdout.trim()).toBe(
      'kept',
    );
    await whenSandbox(harness, ({ phase }) => phase === 'healthy', 90_000);

    const stopped = await harness.sandbox.stop();
    expect(stopped).toMatchObject({ phase: 'stopped', error: null, parts: [] });
    expect(stopped.container?.exitCode).not.toBe(137);
    expect((await harness.sandbox.remove(true)).phase).toBe('absent');
  }, 240_000);
});
