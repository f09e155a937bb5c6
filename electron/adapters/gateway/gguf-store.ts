import { z } from 'zod';
import { LmError } from '../../contract';
import type { ModelImporter, ModelUpload } from '../../services/models/ports';
import { cancelled, mapConnectionError, readErrorBody, unauthorized, type ForeignError } from './errors';
import { readAll } from './answer-stream';
import type { GatewayClient } from './gateway-client';
import { pause } from './pause';

/** A GGUF file in the folder that llama-server serves. */
export interface GgufFile {
  readonly fileName: string;
  /** The name llama-server gives it: the file name without `.gguf`. */
  readonly modelName: string;
  readonly sizeBytes: number;
}

export interface GgufStore extends ModelImporter {
  list(signal: AbortSignal): Promise<readonly GgufFile[]>;
  remove(fileName: string, signal: AbortSignal): Promise<void>;
}

const fileSchema = z.object({ name: z.string(), size_bytes: z.number(), complete: z.boolean() });
const listSchema = z.object({ files: z.array(fileSchema) });

const path = '/models/gguf';
const cleanUpLimitMs = 10_000;

/** The gateway's folder of GGUF files: list, delete, upload. */
export function createGgufStore(client: GatewayClient): GgufStore {
  return {
    list: async (signal) => {
      const during = 'reading the imported models';
      const { status, body } = await client.text({ method: 'GET', path, signal, during });
      if (status !== 200) throw mapStoreError('the imported models', readErrorBody(status, body));
      return listSchema
        .parse(JSON.parse(body))
        .files.filter((file) => file.complete)
        .map((file) => ({
          fileName: file.name,
          modelName: file.name.replace(/\.gguf$/i, ''),
          sizeBytes: file.size_bytes,
        }));
    },

    remove: async (fileName, signal) => {
      const { status, body } = await client.text({
        method: 'DELETE',
        path: `${path}/${encodeURIComponent(fileName)}`,
        signal,
        during: `removing ${fileName}`,
      });
      if (status >= 300) throw mapStoreError(fileName, readErrorBody(status, body));
    },

    open: (fileName, sizeBytes) => openUpload(client, fileName, sizeBytes),
  };
}

function openUpload(client: GatewayClient, fileName: string, sizeBytes: number): ModelUpload {
  const during = `the import of ${fileName}`;
  const request = client.upload(`${path}/${encodeURIComponent(fileName)}`, sizeBytes);
  const stop = new AbortController();
  /** Settles once: with the gateway's verdict, or with why there is none. */
  const outcome = new Promise<void>((resolve, reject) => {
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      readAll(response, { signal: stop.signal, during }).then((body) => {
        if (status < 300) resolve();
        else reject(mapStoreError(fileName, readErrorBody(status, body)));
      }, reject);
    });
    request.on('error', (error) =>
      reject(stop.signal.aborted ? cancelled(during) : mapConnectionError(error, during)),
    );
    request.on('close', () =>
      reject(stop.signal.aborted ? cancelled(during) : mapConnectionError(new Error('closed'), during)),
    );
  });
  // A refusal may come before anyone waits for it; it is thrown by the next write or by finish.
  outcome.catch(() => undefined);

  return {
    write: async (bytes) => {
      const drained = new Promise<void>((resolve, reject) => {
        if (request.write(bytes, (error) => (error ? reject(mapConnectionError(error, during)) : undefined)))
          resolve();
        else request.once('drain', resolve);
      });
      drained.catch(() => undefined);
      // An early verdict, such as a full disk, ends the waiting for room that will never come.
      await Promise.race([drained, outcome]);
    },
    finish: async () => {
      request.end();
      await outcome;
    },
    abort: async () => {
      stop.abort();
      request.destroy();
      await removeUnfinished(client, fileName);
    },
  };
}

/**
 * The gateway keeps an unfinished file so that it could be continued; nobody will, so it goes. A complete file of
 * that name is another one and stays.
 */
async function removeUnfinished(client: GatewayClient, fileName: string): Promise<void> {
  const signal = AbortSignal.timeout(cleanUpLimitMs);
  const during = `cleaning up after ${fileName}`;
  const filePath = `${path}/${encodeURIComponent(fileName)}`;
  for (;;) {
    const found = await client.text({ method: 'GET', path: filePath, signal, during });
    if (found.status === 404) return;
    if (found.status !== 200) throw mapStoreError(fileName, readErrorBody(found.status, found.body));
    if (fileSchema.parse(JSON.parse(found.body)).complete) return;
    const removed = await client.text({ method: 'DELETE', path: filePath, signal, during });
    if (removed.status < 300 || removed.status === 404) return;
    if (removed.status !== 409) throw mapStoreError(fileName, readErrorBody(removed.status, removed.body));
    // The gateway has not yet seen that the upload was cut.
    await pause(100, signal, during);
  }
}

function mapStoreError(subject: string, error: ForeignError): LmError {
  const details = { status: error.status, text: error.text };
  if (error.status === 401 || error.status === 403) return unauthorized(error.text);
  if (error.status === 507 || /no space left/i.test(error.text)) {
    return new LmError('disk_full', `There is no room for ${subject} on the disk that holds the models.`, {
      details,
      repair: {
        text: 'Remove models you no longer need, or free space on the disk of the container engine.',
      },
      retryable: true,
    });
  }
  if (error.status === 404) {
    return new LmError('model_not_found', `The sandbox does not have ${subject}.`, { details });
  }
  if (error.status === 409) {
    return new LmError('conflict', `The sandbox already has a model file named ${subject}.`, {
      details,
      repair: { text: 'Remove that model first, or rename the file.' },
    });
  }
  if (error.type === 'invalid_model_file' || error.status === 400 || error.status === 422) {
    return new LmError('model_invalid', `The sandbox refused ${subject}: ${error.text}`, { details });
  }
  return new LmError('gateway_unreachable', `The sandbox could not take ${subject}: ${error.text}`, {
    details,
    retryable: true,
  });
}
