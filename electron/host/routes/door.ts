import { LmError } from '../../contract';
import type { DoorService } from '../../services/door';
import type { MethodRoutes, StreamRoutes } from './route';

export function createDoorRoutes({
  door,
  holdable,
}: {
  readonly door: DoorService;
  /** Whether a caller may open the door for as long as it is connected. */
  readonly holdable: boolean;
}): {
  readonly methods: Pick<
    MethodRoutes,
    'door.status' | 'door.own' | 'door.createLink' | 'door.revoke' | 'door.setOpen'
  >;
  readonly streams: Pick<StreamRoutes, 'door.hold'>;
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
    streams: {
      'door.hold': async (_input, sink) => {
        if (!holdable) {
          throw new LmError('unsupported', 'This host does not run in the background.', {
            repair: { text: 'Its door is opened in the settings, under Browser access.' },
          });
        }
        await door.hold(sink);
      },
    },
  };
}
