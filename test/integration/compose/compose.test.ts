import { openAsBlob, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hashFile } from '../../support/cache.mjs';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { CHATML_TEMPLATE, ensureSmallModel } from '../../support/model.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';

const folder = fileURLToPath(new URL('../../../docker/compose/', import.meta.url));
const files = ['compose.yaml', 'compose.services.yaml'] as const;
const profiles = ['cpu', 'nvidia', 'amd'] as const;
const token = 'a-token-for-the-compose-test';
const port = 18_491;
const limitMs = 300_000;
const base = `http://127.0.0.1:${port}`;

const healthSchema = z.object({
  status: z.string(),
  parts: z.record(z.string(), z.object({ state: z.string() })),
});
const commandSchema = z.object({ output: z.string(), error: z.string(), exit_code: z.number() });
const chatSchema = z.object({ output: z.string(), model: z.string() });
const inspectSchema = z.array(
  z.object({
    Name: z.string(),
    HostConfig: z.object({
      CapDrop: z.array(z.string()),
      SecurityOpt: z.array(z.string()),
      ReadonlyRootfs: z.boolean(),
      PidsLimit: z.number(),
      PortBindings: z.record(z.string(), z.array(z.object({ HostIp: z.string() }))).nullable(),
    }),
    Config: z.object({ User: z.string() }),
  }),
);
const configSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      networks: z.record(z.string(), z.unknown()),
      ports: z.array(z.object({ host_ip: z.string() })).optional(),
      devices: z.array(z.unknown()).optional(),
      deploy: z
        .object({
          resources: z.object({
            reservations: z.object({ devices: z.array(z.object({ driver: z.string() })) }).optional(),
          }),
        })
        .optional(),
    }),
  ),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
});

interface Call {
  readonly method?: string;
  readonly body?: string | Blob;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request to the gateway; the answer must have the status. */
async function call(path: string, init: Call = {}, status = 200): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers };
  const answer = await fetch(base + path, { ...init, headers, signal: AbortSignal.timeout(60_000) });
  const text = await answer.text();
  expect(answer.status, `${path}: ${text}`).toBe(status);
  return text.startsWith('{') && !text.includes('\n{') ? JSON.parse(text) : text;
}

const post = (path: string, body: unknown, status = 200) =>
  call(path, { method: 'POST', body: JSON.stringify(body) }, status);

describe('the Compose files', () => {
  let engine: Engine;
  let work: string;
  let model: string;
  let started: readonly string[] | undefined;
  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', name: 'compose' });
    const image = await ensureSandboxImage(engine);
    model = await ensureSmallModel();
    work = await mkdtemp(join(tmpdir(), 'lm-sandbox-compose-'));
    const variables = [
      ...[`LM_API_TOKEN=${token}`, `LM_PORT=${port}`, `LM_IMAGE=${image}`],
      // One image has both runtimes here, where no container registry is within reach.
      ...[`OLLAMA_IMAGE=${image}`, `LLAMA_CPP_IMAGE=${image}`, 'LLAMA_ARG_CTX_SIZE=2048'],
    ];
    await writeFile(join(work, '.env'), variables.join('\n') + '\n');
  });
  afterEach(async () => {
    if (started !== undefined) await compose([...started, 'down', '--volumes', '--timeout', '5']);
    started = undefined;
  });
  afterAll(async () => {
    await engine?.stop();
    if (work !== undefined) await rm(work, { recursive: true });
  });

  /** Nothing of this machine's environment gets into the containers. */
  const compose = (args: readonly string[]) => {
    const { PATH, HOME, DOCKER_HOST, DOCKER_CONFIG } = engine.env;
    return engine.docker(['compose', '--env-file', join(work, '.env'), ...args], {
      cwd: folder,
      env: { PATH, HOME, DOCKER_HOST, DOCKER_CONFIG },
    });
  };
  const up = async (file: string) => {
    started = ['--file', file, '--profile', 'cpu'];
    await compose([...started, 'up', '--detach', '--wait', '--wait-timeout', '120']);
  };

  it.each(files)(
    '%s starts healthy and locked up, runs commands and both models, and asks for the token',
    async (file) => {
      await up(file);
      const health = healthSchema.parse(await call('/health', { headers: { authorization: '' } }));
      expect(health.status).toBe('ok');
      expect(Object.values(health.parts).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);

      const command = {
        cmd: 'id -u; ls /dev | grep -c -E "nvidia|kfd|dri"; touch /not-writable; echo kept > file',
      };
      const ran = commandSchema.parse(await post('/run-bash/', command));
      expect(ran).toMatchObject({ output: '1000\n0\n', exit_code: 0 });
      expect(ran.error).toContain('Read-only file system');
      expect(await call('/files/file')).toBe('kept\n');

      const body = await openAsBlob(model);
      await call('/models/gguf/small.gguf', { method: 'PUT', body }, 201);
      const question = { cmd: 'Say yes.', model: 'small', parameters: { max_tokens: 4, temperature: 0 } };
      expect(chatSchema.parse(await post('/llama-cpp/', question)).output).not.toBe('');

      const digest = `sha256:${await hashFile(model, 'sha256', 'hex')}`;
      const octets = { 'content-type': 'application/octet-stream' };
      await call(`/ollama/api/blobs/${digest}`, { method: 'POST', body, headers: octets }, 201);
      const made = { model: 'small', files: { 'small.gguf': digest }, template: CHATML_TEMPLATE };
      expect(await post('/ollama/api/create', { ...made, stream: false })).toEqual({ status: 'success' });
      const asked = { ...question, parameters: { num_predict: 4, temperature: 0 } };
      expect(chatSchema.parse(await post('/ollama/', asked)).output).not.toBe('');

      for (const authorization of ['', 'Bearer another-token-of-some-length']) {
        const refused = { method: 'POST', body: '{"cmd": "true"}', headers: { authorization } };
        await call('/run-bash/', refused, 401);
      }

      const ids = (await compose([...(started ?? []), 'ps', '--quiet'])).stdout.trim().split('\n');
      const containers = inspectSchema.parse(JSON.parse((await engine.docker(['inspect', ...ids])).stdout));
      expect(containers).toHaveLength(file === 'compose.yaml' ? 1 : 3);
      for (const { Name, Config, HostConfig } of containers) {
        expect(HostConfig.CapDrop, Name).toEqual(['ALL']);
        expect(HostConfig.SecurityOpt, Name).toContain('no-new-privileges:true');
        expect(HostConfig.ReadonlyRootfs, Name).toBe(true);
        expect(HostConfig.PidsLimit, Name).toBeGreaterThan(0);
        expect(Config.User, Name).toBe('1000:1000');
      }
      const published = containers.flatMap(({ HostConfig }) =>
        Object.values(HostConfig.PortBindings ?? {}).flat(),
      );
      expect(published).toEqual([{ HostIp: '127.0.0.1' }]);
    },
    limitMs,
  );

  it(
    'tells which of the three containers does not answer, and that it is back',
    async () => {
      const file = 'compose.services.yaml';
      await up(file);
      await compose(['--file', file, '--profile', 'cpu', 'stop', '--timeout', '2', 'ollama-cpu']);
      const state = async () => {
        const health = healthSchema.parse(await call('/health'));
        return [health.status, health.parts['ollama']?.state, health.parts['llama_cpp']?.state];
      };
      await expect.poll(state, { timeout: 20_000 }).toEqual(['degraded', 'unreachable', 'ready']);
      await post('/ollama/', { cmd: 'Hello', model: 'small' }, 503);
      await compose(['--file', file, '--profile', 'cpu', 'start', 'ollama-cpu']);
      await expect.poll(state, { timeout: 30_000 }).toEqual(['ok', 'ready', 'ready']);
    },
    limitMs,
  );

  it.each(files)(
    '%s gives a GPU to the runtimes of its profile and publishes one port on the loopback',
    async (file) => {
      for (const profile of profiles) {
        const printed = await compose(['--file', file, '--profile', profile, 'config', '--format', 'json']);
        const { services, networks } = configSchema.parse(JSON.parse(printed.stdout));
        const withGpu = Object.entries(services)
          .filter(
            ([, { devices, deploy }]) =>
              devices !== undefined || deploy?.resources.reservations?.devices[0]?.driver === 'nvidia',
          )
          .map(([name]) => name);
        const single = file === 'compose.yaml';
        const expected = single ? [profile] : [`llama-cpp-${profile}`, `ollama-${profile}`];
        expect(withGpu.sort(), profile).toEqual(profile === 'cpu' ? [] : expected);
        expect(Object.values(services).flatMap(({ ports }) => ports ?? [])).toEqual([
          { host_ip: '127.0.0.1' },
        ]);
        if (single) continue;
        expect(networks['models']?.internal).toBe(true);
        expect(Object.keys(services[`llama-cpp-${profile}`]?.networks ?? {})).toEqual(['models']);
      }
    },
  );

  it('have every variable described in .env.example, and no other', () => {
    const used = new Set<string>();
    for (const file of files) {
      const text = readFileSync(join(folder, file), 'utf8');
      for (const [, name] of text.matchAll(/\$\{([A-Z_]+)/g)) if (name !== undefined) used.add(name);
      // A name without a value is taken from .env too.
      for (const [, name] of text.matchAll(/^ +([A-Z][A-Z_]+):$/gm)) if (name !== undefined) used.add(name);
    }
    const example = readFileSync(join(folder, '.env.example'), 'utf8');
    const described = [...example.matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
    // These two are Compose's own.
    const ours = described.filter((name) => name !== 'COMPOSE_PROFILES' && name !== 'COMPOSE_FILE');
    expect(ours.sort()).toEqual([...used].sort());
  });
});
