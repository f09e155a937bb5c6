import { createWriteStream } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { LmError } from '../../contract';
import type { FetchProgress, MirrorFile } from '../../services/starter';

/** Without a byte for so long the connection counts as lost. */
const silenceLimitMs = 30_000;
/** Tries without any progress between them; one that made progress is not counted. */
const emptyTries = 3;

/** Fetches `url` into `partialFile`, going on at its end. */
export async function fetchByHttp(
  url: string,
  file: MirrorFile,
  partialFile: string,
  onProgress: (progress: FetchProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let empty = 0; ;) {
    const before = await sizeOf(partialFile);
    if (before === file.sizeBytes) return;
    if (before > file.sizeBytes) await truncate(partialFile, 0);
    try {
      await fetchOnce(url, file, partialFile, onProgress, signal);
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

/** An answer that another try would not change. */
class Refused extends Error {}

async function fetchOnce(
  url: string,
  file: MirrorFile,
  partialFile: string,
  onProgress: (progress: FetchProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const from = await sizeOf(partialFile);
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceLimitMs);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceLimitMs);
  };
  const stop = () => silence.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const response = await fetch(url, {
      // Compressed bytes have other offsets.
      headers: { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
      signal: silence.signal,
    });
    if (response.status === 416) {
      await truncate(partialFile, 0);
      throw new Error('The server does not know the place where the download ended.');
    }
    if ((response.status !== 200 && response.status !== 206) || !response.body)
      throw new Refused(`The server answered ${response.status} ${response.statusText}`.trim() + '.');
    // A server without ranges begins at the beginning.
    const start = response.status === 206 ? from : 0;
    if (response.status === 206 && !startsAt(response.headers.get('content-range'), from))
      throw new Refused('The server sent another part of the file than it was asked for.');
    let completedBytes = start;
    const reader = response.body.getReader();
    await pipeline(
      async function* () {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          alive();
          completedBytes += value.byteLength;
          if (completedBytes > file.sizeBytes) throw new Refused('The answer is longer than the file.');
          yield value;
          onProgress({ completedBytes, totalBytes: file.sizeBytes });
        }
      },
      createWriteStream(partialFile, start === 0 ? { flags: 'w' } : { flags: 'a' }),
    );
  } catch (error) {
    if (silence.signal.aborted && !signal.aborted)
      throw new Error(`The server sent nothing for ${silenceLimitMs / 1000} seconds.`, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function startsAt(contentRange: string | null, from: number): boolean {
  return contentRange !== null && new RegExp(`^bytes ${from}-`).test(contentRange);
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

function unreachable(error: unknown): LmError {
  return new LmError('registry_unreachable', reasonOf(error), { retryable: true, cause: error });
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const text = cause instanceof Error && error.message === 'fetch failed' ? causeText(cause) : error.message;
  return /[.!]$/.test(text) ? text : `${text}.`;
}

function causeText(cause: Error): string {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return cause.message.includes(code) ? cause.message || code : `${cause.message} (${code})`;
}
