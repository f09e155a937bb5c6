/**
 * The few calls of the Docker Engine API that set-up code makes, without a library.
 * @module
 */
import { request } from 'node:http';

/**
 * @param {string} socketPath
 * @param {string} method
 * @param {string} path Without a version prefix: the engine then answers in its newest.
 * @param {unknown} [body] Sent as JSON.
 * @returns {Promise<any>} The parsed answer, undefined when it is empty.
 */
export function callEngine(socketPath, method, path, body) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const call = request(
      {
        socketPath,
        method,
        path,
        timeout: 120_000,
        headers:
          text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (/** @type {string} */ chunk) => (answer += chunk));
        response.once('error', reject);
        response.once('end', () => {
          if ((response.statusCode ?? 500) >= 400) {
            reject(new Error(`${method} ${path} was answered with ${response.statusCode}: ${answer.trim()}`));
          } else {
            resolve(answer.startsWith('{') || answer.startsWith('[') ? JSON.parse(answer) : undefined);
          }
        });
      },
    );
    call.once('timeout', () => call.destroy(new Error(`${method} ${path} was not answered within 120 s`)));
    call.once('error', reject);
    call.end(text);
  });
}

/**
 * Removes what an earlier run left: containers, volumes, networks. Images and the build cache stay.
 * @param {string} socketPath
 * @returns {Promise<void>}
 */
export async function removeLeftovers(socketPath) {
  for (const { Id } of await callEngine(socketPath, 'GET', '/containers/json?all=1')) {
    await callEngine(socketPath, 'DELETE', `/containers/${Id}?force=1&v=1`);
  }
  for (const { Name } of (await callEngine(socketPath, 'GET', '/volumes')).Volumes ?? []) {
    await callEngine(socketPath, 'DELETE', `/volumes/${encodeURIComponent(Name)}?force=1`);
  }
  for (const { Id, Name } of await callEngine(socketPath, 'GET', '/networks')) {
    if (['bridge', 'host', 'none'].includes(Name)) continue;
    await callEngine(socketPath, 'DELETE', `/networks/${Id}`);
  }
}
