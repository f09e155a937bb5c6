import { importChunkBytes, toLmError, type ModelJob } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';

/**
 * Hands a GGUF file to the host piece by piece; the next piece is read while the last one is on its way. Rejects
 * with an LmError; the job in the list of jobs tells the same.
 */
export async function importFile(host: HostClient, file: File): Promise<ModelJob> {
  const { id: jobId } = await host.call('models.importBegin', {
    fileName: plainName(file.name),
    sizeBytes: file.size,
  });
  const read = async (offset: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(offset, offset + importChunkBytes).arrayBuffer());
  try {
    let next = read(0);
    for (let offset = 0; offset < file.size; offset += importChunkBytes) {
      const bytes = await next;
      if (offset + importChunkBytes < file.size) {
        next = read(offset + importChunkBytes);
        // Its failure is thrown where it is awaited, also when the call before it fails first.
        next.catch(() => undefined);
      }
      await host.call('models.importChunk', { jobId, offset, bytes });
    }
    return await host.call('models.importFinish', { jobId });
  } catch (failure) {
    // A file that can no longer be read would leave a job behind that nobody feeds.
    await host.call('models.cancelJob', { jobId }).catch(() => undefined);
    throw toLmError(failure);
  }
}

/** The name under which the model appears: what the gateway takes, and never a path. */
export function plainName(name: string): string {
  const plain = name
    .replace(/\.gguf$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return `${plain.slice(0, 180) || 'model'}.gguf`;
}
