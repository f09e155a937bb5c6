import type { TerminalService } from '../../services/terminal';
import type { MethodRoutes, StreamRoutes } from './route';

type Methods = Pick<
  MethodRoutes,
  | 'terminal.list'
  | 'terminal.open'
  | 'terminal.write'
  | 'terminal.resize'
  | 'terminal.setColors'
  | 'terminal.close'
>;

export function createTerminalRoutes(deps: { readonly terminal: TerminalService }): {
  readonly methods: Methods;
  readonly streams: Pick<StreamRoutes, 'terminal.attach'>;
} {
  const { terminal } = deps;
  return {
    methods: {
      'terminal.list': () => terminal.list(),
      'terminal.open': (size) => terminal.open(size),
      'terminal.write': ({ id, data }, { connectionId }) => {
        terminal.write(id, data, connectionId);
        return null;
      },
      'terminal.resize': ({ id, columns, rows }) => {
        terminal.resize(id, { columns, rows });
        return null;
      },
      'terminal.setColors': (colors) => {
        terminal.setColors(colors);
        return null;
      },
      'terminal.close': async ({ id }) => {
        await terminal.close(id);
        return null;
      },
    },
    streams: {
      'terminal.attach': ({ id }, sink, { connectionId }) => terminal.attach(id, sink, connectionId),
    },
  };
}
