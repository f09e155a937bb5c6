import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  createGatewayClient,
  createGgufStore,
  createLlamaCppBackend,
  createOllamaBackend,
} from '../../../electron/adapters/gateway';
import { importChunkBytes, LmError, type ModelJob } from '../../../electron/contract';
import type {
  RunningContainer,
  RunningContainerSource,
} from '../../../electron/services/container/running-container';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { ModelsService } from '../../../electron/services/models';
import { startEngine } from '../../support/engine.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';

export type TestEngine = Awaited<ReturnType<typeof startEngine>>;

const token = 'a-token-for-these-tests-only';
const containerName = 'lm_chat';
const startLimitMs = 60_000;

/** The sandbox image in a container of a test engine, and the gateway's address; nothing of it is simulated. */
export class TestSandbox implements RunningContainerSource {
  private running: RunningContainer | null = null;
  private readonly listeners = new Set<(running: RunningContainer | null) => void>();
  private runs = 0;

  private constructor(readonly engine: TestEngine) {}

  static async start(): Promise<TestSandbox> {
    const engine = await startEngine({ generation: 'modern', name: 'chat' });
    const sandbox = new TestSandbox(engine);
    try {
      const image = await ensureSandboxImage(engine);
      await engine.docker(['rm', '--force', containerName], { allowFailure: true });
      await engine.docker([
        ...['run', '--detach', '--name', containerName, '--init', '--publish', '127.0.0.1::8000'],
        ...['--env', `LM_API_TOKEN=${token}`, '--memory', '4g', image],
      ]);
      await sandbox.attach();
      return sandbox;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  current(): RunningContainer | null {
    return this.running;
  }

  require(): RunningContainer {
    if (!this.running) throw new LmError('container_not_running', 'The sandbox is not running.');
    return this.running;
  }

  onChanged(listener: (running: RunningContainer | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Runs a program in the container; gives what it wrote. */
  async exec(...command: readonly string[]): Promise<string> {
    return (await this.engine.docker(['exec', containerName, ...command])).stdout;
  }

  /** Kills the container as a crash does; nobody is told but by the broken connections. */
  async kill(): Promise<void> {
    await this.engine.docker(['kill', containerName]);
  }

  /** Starts the container again after `kill`. */
  async restart(): Promise<void> {
    this.set(null);
    await this.engine.docker(['start', containerName]);
    await this.attach();
  }

  async stop(): Promise<void> {
    await this.engine.docker(['rm', '--force', '--volumes', containerName], { allowFailure: true });
    await this.engine.stop();
  }

  private async attach(): Promise<void> {
    const published = (await this.engine.docker(['port', containerName, '8000/tcp'])).stdout.trim();
    const port = published.split(':').at(-1) ?? '';
    this.runs += 1;
    const running: RunningContainer = {
      containerId: containerName,
      runId: `run-${this.runs}`,
      gatewayUrl: `http://127.0.0.1:${port}`,
      gatewayToken: token,
      gpuChoice: 'none',
    };
    await ready(running);
    this.set(running);
  }

  private set(running: RunningContainer | null): void {
    this.running = running;
    for (const listener of this.listeners) listener(running);
  }
}

/** Asks until both runtimes answer through the gateway. */
async function ready(running: RunningContainer): Promise<void> {
  const deadlineMs = Date.now() + startLimitMs;
  const headers = { authorization: `Bearer ${running.gatewayToken}` };
  for (const path of ['/ollama/api/version', '/llama-cpp/health']) {
    for (;;) {
      // The engine's port proxy can swallow a connection that comes while the container's network is being made.
      const signal = AbortSignal.timeout(2_000);
      const answered = await fetch(`${running.gatewayUrl}${path}`, { headers, signal }).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) break;
      if (Date.now() > deadlineMs) throw new Error(`${path} did not answer within ${startLimitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** The adapters and the models service as the host builds them. */
export function connect(containers: RunningContainerSource) {
  const client = createGatewayClient(containers);
  const llamaCpp = createLlamaCppBackend(client);
  const ollama = createOllamaBackend(client);
  const ggufStore = createGgufStore(client);
  let count = 0;
  const newId = () => `id-${(count += 1)}`;
  const models = new ModelsService({
    backends: [llamaCpp, ollama],
    place: () => 'container',
    puller: ollama,
    importer: ggufStore,
    containers,
    clock: systemClock,
    logger: silentLogger,
    newId,
  });
  return { client, llamaCpp, ollama, ggufStore, models, newId };
}

/** Imports a file piece by piece, as the page does. */
export async function importGguf(
  models: ModelsService,
  file: string,
  fileName = basename(file),
): Promise<ModelJob> {
  const { size } = await stat(file);
  const { id } = models.importBegin(fileName, size);
  const handle = await open(file);
  try {
    for (let offset = 0; offset < size; offset += importChunkBytes) {
      const buffer = new Uint8Array(Math.min(importChunkBytes, size - offset));
      await handle.read(buffer, 0, buffer.byteLength, offset);
      await models.importChunk(id, offset, buffer);
    }
  } finally {
    await handle.close();
  }
  return models.importFinish(id);
}
