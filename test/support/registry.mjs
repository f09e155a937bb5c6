/**
 * A registry that the Ollama in a sandbox pulls models from: Debian's docker-registry, and in front of it a
 * server that redirects blobs as the big registries do and whose speed and life a test controls.
 * @module
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createPlainServer, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { hashFile } from './cache.mjs';
import { issueCertificate } from './certificates.mjs';
import { findProgram } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/**
 * @typedef {object} ModelRegistry
 * @property {string} url `https://ADDRESS:PORT` (or `http://`).
 * @property {string} host `ADDRESS:PORT`, the first part of a model's name: `HOST/library/name:latest`.
 * @property {(model: PublishedModel) => Promise<string>} publish Gives the name to pull, host included.
 * @property {(bytesPerSecond: number | undefined) => void} setThrottle Per transfer; undefined is full speed.
 * @property {() => void} cut Breaks every connection and refuses new ones, as a lost network does.
 * @property {() => void} restore Serves again after `cut`.
 * @property {() => number} transferredBytes Of blobs, sent so far.
 * @property {() => Promise<void>} stop Idempotent.
 */

/**
 * @typedef {object} PublishedModel
 * @property {string} name `library/NAME`, without a tag.
 * @property {string} file Path of a GGUF file.
 * @property {string} [tag] Default `latest`.
 * @property {string} [template] Ollama's chat template.
 */

const START_LIMIT_MS = 20_000;
const SLICE_MS = 50;

/**
 * @param {object} [options]
 * @param {number} [options.bytesPerSecond] Throttle from the beginning.
 * @param {string} [options.address] Where it listens; default 127.0.0.1. For the containers of a test engine
 *   pass its `hostAddress`.
 * @param {boolean} [options.tls] Speak TLS with a certificate of the tests' own authority, which images built
 *   with `ensureExtraCertificates` trust. Default: only on another address than 127.0.0.1, because clients
 *   speak plain HTTP to that one only.
 * @returns {Promise<ModelRegistry>}
 */
export async function startModelRegistry({
  bytesPerSecond,
  address = '127.0.0.1',
  tls = address !== '127.0.0.1',
} = {}) {
  await ensureSystemPackages(['registry']);
  const back = await startBackend();
  // Ollama follows a redirect of a blob only to another host name; this is the same address, spelt otherwise.
  const otherName = `[::ffff:${address}]`;
  let throttle = bytesPerSecond;
  let isCut = false;
  let transferred = 0;

  /** @type {import('node:http').RequestListener} */
  const serve = (incoming, outgoing) => {
    const path = incoming.url ?? '/';
    const isBlob = incoming.method === 'GET' && /\/blobs\/sha256:/.test(path);
    // Clients write that other name in several ways; all of them in brackets, the first one in none.
    if (isBlob && !(incoming.headers.host ?? '').startsWith('[')) {
      outgoing.writeHead(307, { location: `${scheme}://${otherName}:${port}${path}` }).end();
      return;
    }
    const onward = request(
      { host: '127.0.0.1', port: back.port, method: incoming.method, path, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        if (!isBlob) {
          answer.pipe(outgoing);
          return;
        }
        const slowed = slow(
          () => throttle,
          (bytes) => (transferred += bytes),
        );
        pipeline(answer, slowed, outgoing).catch(() => outgoing.destroy());
      },
    );
    onward.once('error', () => outgoing.destroy());
    outgoing.once('close', () => onward.destroy());
    incoming.pipe(onward);
  };

  let server;
  if (tls) {
    const { key, certificate } = await issueCertificate([address]);
    server = createTlsServer({ key, cert: certificate }, serve);
  } else {
    server = createPlainServer(serve);
  }
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  server.on('connection', (socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A connection that breaks is what `cut` is for.
    socket.on('error', () => undefined);
  });
  const scheme = tls ? 'https' : 'http';
  const port = await listen(server, address);
  const host = `${address}:${port}`;
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };

  return {
    url: `${scheme}://${host}`,
    host,
    publish: async (model) => `${host}/${await publish(back.port, model)}`,
    setThrottle: (value) => {
      throttle = value;
    },
    cut,
    restore: () => {
      isCut = false;
    },
    transferredBytes: () => transferred,
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await back.stop();
    },
  };
}

/**
 * @param {import('node:net').Server} server
 * @param {string} address
 * @returns {Promise<number>} The port that the system chose.
 */
function listen(server, address) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, () => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') reject(new Error('no port'));
      else resolve(bound.port);
    });
  });
}

/** @returns {Promise<{ port: number, stop: () => Promise<void> }>} */
async function startBackend() {
  const folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-registry-'));
  const probe = createTcpServer();
  const port = await listen(probe, '127.0.0.1');
  await new Promise((resolve) => probe.close(resolve));
  const config = join(folder, 'config.yml');
  await writeFile(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
    }),
  );
  const guard = findProgram('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL', '--'];
  const [program = '', ...args] = [...guard, 'docker-registry', 'serve', config];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (complaint += text));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const limit = Date.now() + START_LIMIT_MS;
  while (!(await answersOn(port))) {
    if (child.exitCode !== null || Date.now() > limit) {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true });
      throw new Error(`docker-registry did not start\n${complaint}`);
    }
    await delay(SLICE_MS);
  }
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function answersOn(port) {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/v2/' }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    probe.once('error', () => resolve(false));
    probe.end();
  });
}

/**
 * Passes bytes on no faster than the current throttle says.
 * @param {() => number | undefined} bytesPerSecond
 * @param {(bytes: number) => void} count
 */
function slow(bytesPerSecond, count) {
  return new Transform({
    async transform(chunk, _encoding, done) {
      let rest = chunk;
      while (rest.length > 0 && !this.destroyed) {
        const limit = bytesPerSecond();
        const size = limit === undefined ? rest.length : Math.max(1, Math.round((limit * SLICE_MS) / 1000));
        const part = rest.subarray(0, size);
        rest = rest.subarray(size);
        this.push(part);
        count(part.length);
        if (limit !== undefined) await delay(SLICE_MS);
      }
      done();
    },
  });
}

/**
 * Puts a model into the registry in the form that `ollama push` gives it.
 * @param {number} port
 * @param {PublishedModel} model
 */
async function publish(port, { name, file, tag = 'latest', template }) {
  const layers = [await putFile(port, name, file, 'application/vnd.ollama.image.model')];
  if (template !== undefined) {
    layers.push(await putText(port, name, template, 'application/vnd.ollama.image.template'));
  }
  const config = await putText(
    port,
    name,
    JSON.stringify({
      model_format: 'gguf',
      model_family: 'llama',
      model_families: ['llama'],
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    }),
    'application/vnd.docker.container.image.v1+json',
  );
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers });
  await send(port, 'PUT', `/v2/${name}/manifests/${tag}`, { 'content-type': mediaType }, manifest);
  return `${name}:${tag}`;
}

/**
 * @param {number} port
 * @param {string} name
 * @param {string} text
 * @param {string} mediaType
 */
async function putText(port, name, text, mediaType) {
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const size = Buffer.byteLength(text);
  await putBlob(port, name, digest, size, text);
  return { mediaType, digest, size };
}

/**
 * @param {number} port
 * @param {string} name
 * @param {string} file
 * @param {string} mediaType
 */
async function putFile(port, name, file, mediaType) {
  const digest = `sha256:${await hashFile(file, 'sha256', 'hex')}`;
  const { size } = await stat(file);
  await putBlob(port, name, digest, size, createReadStream(file));
  return { mediaType, digest, size };
}

/**
 * @param {number} port
 * @param {string} name
 * @param {string} digest
 * @param {number} size
 * @param {string | import('node:stream').Readable} body
 */
async function putBlob(port, name, digest, size, body) {
  const { location = '' } = await send(port, 'POST', `/v2/${name}/blobs/uploads/`, { 'content-length': '0' });
  const upload = new URL(location, `http://127.0.0.1:${port}`);
  upload.searchParams.set('digest', digest);
  await send(
    port,
    'PUT',
    `${upload.pathname}${upload.search}`,
    { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body,
  );
}

/**
 * @param {number} port
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} headers
 * @param {string | import('node:stream').Readable} [body]
 * @returns {Promise<import('node:http').IncomingHttpHeaders>}
 */
function send(port, method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => (text += chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        if ((answer.statusCode ?? 500) < 400) resolve(answer.headers);
        else reject(new Error(`${method} ${path} was answered with ${answer.statusCode}: ${text}`));
      });
    });
    call.once('error', reject);
    if (body === undefined || typeof body === 'string') call.end(body);
    else pipeline(body, call).catch(reject);
  });
}
