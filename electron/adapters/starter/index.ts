import type { MirrorFetcher } from '../../services/starter';
import { fetchByHttp } from './http-mirror';
import { fetchByIndex } from './index-mirror';
import { machineNetwork } from './network';
import { fetchByPip } from './pip-mirror';

export { createStarterFiles } from './starter-files';

export function createMirrorFetcher(): MirrorFetcher {
  return {
    fetch: (mirror, partialFile, onProgress, signal) => {
      switch (mirror.kind) {
        case 'http':
          return fetchByHttp(
            mirror.url,
            machineNetwork(process.env),
            mirror.file,
            partialFile,
            onProgress,
            signal,
          );
        case 'pip':
          return fetchByPip(mirror, partialFile, onProgress, signal);
        case 'index':
          return fetchByIndex(mirror, partialFile, onProgress, signal);
      }
    },
  };
}
