import type { StarterService } from '../../services/starter';
import type { MethodRoutes } from './route';

export function createStarterRoutes(deps: { readonly starter: StarterService }): {
  readonly methods: Pick<MethodRoutes, 'starter.status' | 'starter.download' | 'starter.cancel'>;
} {
  const { starter } = deps;
  return {
    methods: {
      'starter.status': () => starter.status(),
      'starter.download': ({ modelId }) => starter.start(modelId),
      'starter.cancel': () => starter.cancel(),
    },
  };
}
