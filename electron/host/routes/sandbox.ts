import type { SandboxService } from '../../services/container';
import type { MethodRoutes } from './route';

/** Contract to service, word for word. An operation goes on when its caller goes away. */
export function createSandboxRoutes({ sandbox }: { readonly sandbox: SandboxService }): {
  readonly methods: Pick<
    MethodRoutes,
    | 'sandbox.status'
    | 'sandbox.create'
    | 'sandbox.adopt'
    | 'sandbox.start'
    | 'sandbox.stop'
    | 'sandbox.restart'
    | 'sandbox.recreate'
    | 'sandbox.remove'
  >;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'sandbox.status': () => sandbox.status(),
      'sandbox.create': ({ gpu }) => sandbox.create(gpu),
      'sandbox.adopt': () => sandbox.adopt(),
      'sandbox.start': () => sandbox.start(),
      'sandbox.stop': () => sandbox.stop(),
      'sandbox.restart': () => sandbox.restart(),
      'sandbox.recreate': ({ gpu }) => sandbox.recreate(gpu),
      'sandbox.remove': ({ removeVolumes }) => sandbox.remove(removeVolumes),
    },
    streams: {},
  };
}
