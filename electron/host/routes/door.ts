import type { DoorService } from '../../services/door';
import type { MethodRoutes } from './route';

export function createDoorRoutes({ door }: { readonly door: DoorService }): {
  readonly methods: Pick<
    MethodRoutes,
    'door.status' | 'door.own' | 'door.createLink' | 'door.revoke' | 'door.setOpen'
  >;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'door.status': () => door.state(),
      'door.own': (_input, { connectionId }) => ({ sessionId: door.sessionOf(connectionId) }),
      'door.createLink': () => door.createLink(),
      'door.revoke': async ({ sessionId }) => {
        await door.revoke(sessionId);
        return null;
      },
      'door.setOpen': ({ open }) => door.setOpen(open),
    },
    streams: {},
  };
}
