import type { MirrorFetcher } from '../../services/starter';

export { createStarterFiles } from './starter-files';

export function createMirrorFetcher(): MirrorFetcher {
  return {
    fetch: async (...call) => {
      // Most starts fetch nothing, so proxies and archives are loaded by the first that does.
      const { fetchFromMirror } = await import('./fetch');
      return fetchFromMirror(...call);
    },
  };
}
