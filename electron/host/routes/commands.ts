import type { CommandsService } from '../../services/commands';
import type { MethodRoutes, StreamRoutes } from './route';

/** Contract to service; a command belongs to the connection that began it. */
export function createCommandsRoutes({ commands }: { readonly commands: CommandsService }): {
  readonly methods: Pick<MethodRoutes, 'commands.write' | 'commands.resize' | 'commands.end'>;
  readonly streams: Pick<StreamRoutes, 'commands.run'>;
} {
  return {
    methods: {
      'commands.write': async ({ id, data, end }, { connectionId }) => {
        await commands.write(connectionId, id, data, end);
        return null;
      },
      'commands.resize': async ({ id, size }, { connectionId }) => {
        await commands.resize(connectionId, id, size);
        return null;
      },
      'commands.end': async ({ id }, { connectionId }) => {
        await commands.end(connectionId, id);
        return null;
      },
    },
    streams: {
      'commands.run': (request, sink, { connectionId }) => commands.run(connectionId, request, sink),
    },
  };
}
