import { randomBytes } from 'node:crypto';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';

export const CONTAINER = 'lm_gateway_test';
const READY_LIMIT_MS = 120_000;

/** A sandbox in an engine of its own, its gateway published on this machine. */
export interface RunningGateway {
  readonly engine: Engine;
  /** Without a slash at its end. */
  readonly address: string;
  readonly token: string;
  stop(): Promise<void>;
}

/** Starts the real image as docker/README.md says and waits until all its parts are ready. */
export async function startGateway(port: number): Promise<RunningGateway> {
  const engine = await startEngine({
    generation: 'modern',
    name: process.env['LM_SANDBOX_TEST_ENGINE'] ?? 'gateway',
  });
  const token = randomBytes(32).toString('hex');
  const address = `http://127.0.0.1:${port}`;
  try {
    const image = await ensureSandboxImage(engine);
    await engine.docker([
      ...['run', '--detach', '--name', CONTAINER, '--init', '--cap-drop', 'ALL'],
      ...['--security-opt', 'no-new-privileges', '--pids-limit', '512'],
      ...['--publish', `127.0.0.1:${port}:8000`, '--env', `LM_API_TOKEN=${token}`],
      ...['--env', 'LLAMA_ARG_CTX_SIZE=2048', '--env', 'OLLAMA_CONTEXT_LENGTH=2048', image],
    ]);
    await untilReady(address);
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return { engine, address, token, stop: () => engine.stop() };
}

/** The engine accepts connections before the gateway does, and then closes them. */
async function untilReady(address: string): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  let last = 'it was not asked';
  while (Date.now() < deadline) {
    try {
      const answer = await fetch(`${address}/health`, { signal: AbortSignal.timeout(5_000) });
      last = await answer.text();
      if (last.includes('"status":"ok"')) return;
    } catch (error) {
      last = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the gateway was not ready within ${READY_LIMIT_MS / 1000} s: ${last}`);
}
