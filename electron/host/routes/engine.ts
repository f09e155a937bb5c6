import type { EngineService } from '../../services/container';
import type { MethodRoutes } from './route';

/** Contract to service, word for word. */
export function createEngineRoutes({ engines }: { readonly engines: EngineService }): {
  readonly methods: Pick<MethodRoutes, 'engine.status' | 'engine.search'>;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'engine.status': () => engines.state(),
      'engine.search': () => engines.search(),
    },
    streams: {},
  };
}
