import type { LocalApiService } from '../../services/local-api';
import type { MethodRoutes } from './route';

/** Contract to service, word for word. */
export function createLocalApiRoutes({ localApi }: { readonly localApi: LocalApiService }): {
  readonly methods: Pick<
    MethodRoutes,
    'localApi.status' | 'localApi.setEnabled' | 'localApi.retry' | 'localApi.token'
  >;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'localApi.status': () => localApi.status(),
      'localApi.setEnabled': ({ enabled }) => localApi.setEnabled(enabled),
      'localApi.retry': () => localApi.retry(),
      'localApi.token': async () => ({ token: await localApi.token() }),
    },
    streams: {},
  };
}
