import type { MirrorFetcher } from '../../services/starter';
import { fetchByHttp } from './http-mirror';
import { fetchByPip } from './pip-mirror';

export { createStarterFiles } from './starter-files';

export function createMirrorFetcher(): MirrorFetcher {
  return {
    fetch: (mirror, partialFile, onProgress, signal) =>
      mirror.kind === 'http'
        ? fetchByHttp(mirror.url, mirror.file, partialFile, onProgress, signal)
        : fetchByPip(mirror, partialFile, onProgress, signal),
  };
}
