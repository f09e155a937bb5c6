import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createGatewayHealth } from './health';

let server: Server | undefined;
afterEach(() => new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined))));

async function answering(
  status: number,
  body: string,
  seen: (authorization: string) => void = () => undefined,
) {
  server = createServer((request, response) => {
    seen(request.headers.authorization ?? '');
    response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const read = (url: string, timeoutMs = 2_000) =>
  createGatewayHealth().read({ url, token: 'secret', timeoutMs, signal: new AbortController().signal });

describe('the health of the gateway', () => {
  it('is read with the token, and unknown fields, parts and states are tolerated', async () => {
    let authorization = '';
    const url = await answering(
      200,
      JSON.stringify({
        status: 'degraded',
        version: '0.1.0',
        new_field: 1,
        parts: {
          gateway: { state: 'ready', pid: 7, restarts: 0, last_error: null },
          ollama: { state: 'backing-off', restarts: 3, last_error: 'exit code 1', last_output: 'x' },
          llama_cpp: { state: 'stopping' },
          whisper: { state: 'ready' },
        },
      }),
      (value) => (authorization = value),
    );
    expect(await read(url)).toEqual({
      ok: true,
      parts: [
        { name: 'gateway', state: 'ready', restarts: 0, lastError: null },
        { name: 'ollama', state: 'backing-off', restarts: 3, lastError: 'exit code 1' },
        { name: 'llama-cpp', state: 'unknown', restarts: null, lastError: null },
      ],
    });
    expect(authorization).toBe('Bearer secret');
  });

  it.each([
    [401, '{"error":"no"}', 'gateway_unauthorized'],
    [200, 'hello, I am another program', 'gateway_unreachable'],
    [200, '[]', 'gateway_unreachable'],
    [302, '', 'gateway_unreachable'],
  ])('answer %i %s is %s', async (status, body, code) => {
    await expect(read(await answering(status, body))).rejects.toMatchObject({ code });
  });

  it('gives up on a gateway that accepts and does not answer, and on none', async () => {
    server = createServer(() => undefined);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(read(`http://127.0.0.1:${port}`, 50)).rejects.toMatchObject({ code: 'gateway_unreachable' });
    server.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    await expect(read(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'gateway_unreachable',
      data: { details: { reason: 'ECONNREFUSED' }, retryable: true },
    });
  });
});
