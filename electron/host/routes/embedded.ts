import type { EmbeddedService } from '../../services/embedded';
import type { MethodRoutes } from './route';

/** Contract to service, word for word. An operation goes on when its caller goes away. */
export function createEmbeddedRoutes({ embedded }: { readonly embedded: EmbeddedService }): {
  readonly methods: Pick<
    MethodRoutes,
    | 'embedded.status'
    | 'embedded.start'
    | 'embedded.stop'
    | 'embedded.restart'
    | 'embedded.consent'
    | 'embedded.setNetwork'
  >;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'embedded.status': () => embedded.status(),
      'embedded.start': () => embedded.start(),
      'embedded.stop': () => embedded.stop(),
      'embedded.restart': () => embedded.restart(),
      'embedded.consent': ({ remember }) => embedded.consent(remember),
      'embedded.setNetwork': ({ network }) => embedded.setNetwork(network),
    },
    streams: {},
  };
}
