import { Readable } from 'node:stream';

/**
 * The stream that dockerode gives, as the Node stream it is (its types promise less), ended when `signal`
 * aborts: closing it is the only way to tell the engine that nobody reads any more.
 */
export function asAbortableStream(stream: NodeJS.ReadableStream, signal: AbortSignal): Readable {
  if (!(stream instanceof Readable)) throw new Error('The engine client gave something that is no stream.');
  const end = () => stream.destroy();
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', end));
  return stream;
}

/**
 * Hands every chunk to `onChunk` until the stream ends. True when it ended in an orderly way, false when it was
 * cut off; throws what the stream or `onChunk` throws.
 */
export async function readChunks(stream: Readable, onChunk: (chunk: Uint8Array) => void): Promise<boolean> {
  let complete = false;
  stream.once('end', () => (complete = true));
  for await (const chunk of stream) {
    if (chunk instanceof Uint8Array) onChunk(chunk);
  }
  return complete;
}
