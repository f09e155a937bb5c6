import type { MirrorFetcher } from '../../services/starter';
import { fetchByHttp } from './http-mirror';
import { fetchByIndex } from './index-mirror';
import { machineNetwork } from './network';
import { fetchByPip } from './pip-mirror';

/** Fetches from a mirror of any kind, see `MirrorFetcher`. */
export const fetchFromMirror: MirrorFetcher['fetch'] = (mirror, partialFile, onProgress, signal) => {
  switch (mirror.kind) {
    case 'http': {
      const network = machineNetwork(process.env);
      return fetchByHttp(mirror.url, network, mirror.file, partialFile, onProgress, signal);
    }
    case 'pip':
      return fetchByPip(mirror, partialFile, onProgress, signal);
    case 'index':
      return fetchByIndex(mirror, partialFile, onProgress, signal);
  }
};
