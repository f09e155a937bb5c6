import { open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { importChunkBytes, LmError, type SandboxPlace } from '../contract';
import type { RunningContainerSource } from '../services/container/running-container';
import type { ModelsService } from '../services/models';
import type { StarterServiceDeps } from '../services/starter';

export interface StarterDeliveryDeps {
  readonly place: () => SandboxPlace;
  readonly containers: RunningContainerSource;
  readonly models: ModelsService;
}

/**
 * What becomes of a fetched starter model: the embedded place has it already; into a container it is imported
 * as a file from the page would be, and does not stay here twice.
 */
export function deliverStarter({
  place,
  containers,
  models,
}: StarterDeliveryDeps): StarterServiceDeps['onInstalled'] {
  return async (file, tell, signal) => {
    if (place() === 'embedded' || !containers.current()) {
      models.refreshSoon();
      return;
    }
    tell('copying into the container', 0);
    const { size } = await stat(file);
    const job = models.importBegin(path.basename(file), size);
    const source = await open(file, 'r');
    try {
      for (let offset = 0; offset < size;) {
        if (signal.aborted) throw new LmError('cancelled', 'The import was cancelled.');
        const piece = new Uint8Array(Math.min(importChunkBytes, size - offset));
        const { bytesRead } = await source.read(piece, 0, piece.byteLength, offset);
        if (bytesRead === 0) throw new LmError('storage_failed', 'The fetched file became shorter.');
        await models.importChunk(job.id, offset, piece.subarray(0, bytesRead));
        offset += bytesRead;
        tell('copying into the container', offset);
      }
      await models.importFinish(job.id);
    } catch (error) {
      await models.cancelJob(job.id);
      throw error;
    } finally {
      await source.close();
    }
    await rm(file);
  };
}
