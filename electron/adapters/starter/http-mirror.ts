import { createWriteStream } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { LmError } from '../../contract';
import type { FetchProgress, MirrorFile } from '../../services/starter';
import type { Network } from './network';
import { get, Refused } from './web';

/** Tries without any progress between them; one that made progress is not counted. */
const emptyTries = 3;

/** Fetches `url` into `partialFile`, going on at its end. */
export async function fetchByHttp(
  url: string,
  network: Network,
  file: Pick<MirrorFile, 'sizeBytes'>,
  partialFile: string,
  onProgress: (progress: FetchProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let empty = 0; ;) {
    const before = await sizeOf(partialFile);
    if (before === file.sizeBytes) return;
    if (before > file.sizeBytes) await truncate(partialFile, 0);
    try {
      await fetchOnce(url, network, file, partialFile, onProgress, signal);
      const after = await sizeOf(partialFile);
      if (after === file.sizeBytes) return;
      if (after > file.sizeBytes) {
        throw new Refused(`The answer has more than the ${file.sizeBytes} bytes of the file.`);
      }
      throw new Error(`The connection ended after ${after} of ${file.sizeBytes} bytes.`);
    } catch (error) {
      if (signal.aborted) throw new LmError('cancelled', 'The download was cancelled.', { cause: error });
      const known = asStorageError(error);
      if (known) throw known;
      empty = (await sizeOf(partialFile)) > before ? 0 : empty + 1;
      if (error instanceof Refused || empty >= emptyTries) throw unreachable(error);
    }
  }
}

async function fetchOnce(
  url: string,
  network: Network,
  file: Pick<MirrorFile, 'sizeBytes'>,
  partialFile: string,
  onProgress: (progress: FetchProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const from = await sizeOf(partialFile);
  // Compressed bytes have other offsets.
  const headers = { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
  const answer = await get(url, headers, network, signal);
  try {
    if (answer.status === 416) {
      await truncate(partialFile, 0);
      throw new Error('The server does not know the place where the download ended.');
    }
    if (answer.status !== 200 && answer.status !== 206)
      throw new Refused(`The server answered ${answer.status} ${answer.statusText}`.trim() + '.');
    // A server without ranges begins at the beginning.
    const start = answer.status === 206 ? from : 0;
    if (answer.status === 206 && !startsAt(answer.headers['content-range'], from))
      throw new Refused('The server sent another part of the file than it was asked for.');
    let completedBytes = start;
    await pipeline(
      async function* () {
        for await (const chunk of answer.chunks()) {
          completedBytes += chunk.byteLength;
          if (completedBytes > file.sizeBytes) throw new Refused('The answer is longer than the file.');
          yield chunk;
          onProgress({ completedBytes, totalBytes: file.sizeBytes });
        }
      },
      createWriteStream(partialFile, start === 0 ? { flags: 'w' } : { flags: 'a' }),
    );
  } finally {
    answer.close();
  }
}

function startsAt(contentRange: string | undefined, from: number): boolean {
  return contentRange !== undefined && new RegExp(`^bytes ${from}-`).test(contentRange);
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (facts) => facts.size,
    () => 0,
  );
}

/** A failure of the disk; null for one of the network. */
export function asStorageError(error: unknown): LmError | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new LmError('disk_full', 'The disk became full while the model was written.', {
      repair: { text: 'Make room, then try again; what was fetched is kept.' },
      retryable: true,
      cause: error,
    });
  if (code === 'EACCES' || code === 'EROFS' || code === 'EIO' || code === 'EPERM')
    return new LmError('storage_failed', 'The model could not be written.', {
      details: { reason: error instanceof Error ? error.message : '' },
      cause: error,
    });
  return null;
}

/** A failure of the network, in words. */
export function unreachable(error: unknown): LmError {
  return new LmError('registry_unreachable', reasonOf(error), { retryable: true, cause: error });
}

/** Codes of Node and of OpenSSL that a person meets. */
const inWords: Readonly<Record<string, string | undefined>> = {
  ENOTFOUND: 'Its name is not known to the network of this computer',
  EAI_AGAIN: 'Names cannot be looked up; this computer seems to be offline',
  ECONNREFUSED: 'The connection was refused',
  ECONNRESET: 'The connection was cut',
  ETIMEDOUT: 'Nobody answered in time',
  ENETUNREACH: 'The network cannot be reached',
  EHOSTUNREACH: 'The network has no way there',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its certificate is not trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Its certificate is not trusted',
  CERT_HAS_EXPIRED: 'Its certificate has expired',
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = inWords[code];
  if (known !== undefined) return `${known} (${code}).`;
  // Where a name has several addresses and none answers, the message is empty.
  const text = error.message.includes(code) ? error.message || code : `${error.message} (${code})`.trim();
  return /[.!]$/.test(text) ? text : `${text}.`;
}
