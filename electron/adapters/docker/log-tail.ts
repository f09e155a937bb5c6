import type Docker from 'dockerode';
import { requestStream } from './engine-http';

const maxTailBytes = 256 * 1024;

/** The last lines of both outputs of a container without a TTY, oldest first. */
export async function readLogTail(
  docker: Docker,
  id: string,
  lines: number,
  timeoutMs: number,
): Promise<string[]> {
  const stream = await requestStream(docker, {
    method: 'GET',
    path: `/containers/${id}/logs`,
    query: { stdout: 'true', stderr: 'true', tail: String(lines) },
    expect: [200],
    action: 'read the log',
    timeoutMs,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(Buffer.from(chunk));
    size += chunk.byteLength;
    if (size > maxTailBytes) break;
  }
  return withoutFrameHeaders(Buffer.concat(chunks))
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .slice(-lines);
}

/** Frames are `stream, 0, 0, 0, length (32 bit, big-endian)` and then the bytes. */
function withoutFrameHeaders(data: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; offset + 8 <= data.length;) {
    const end = offset + 8 + data.readUInt32BE(offset + 4);
    parts.push(data.subarray(offset + 8, end));
    offset = end;
  }
  return Buffer.concat(parts);
}
