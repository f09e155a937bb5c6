import type { IDisposable, Terminal } from '@xterm/xterm';

/**
 * Keeps the page's emulator from answering what a program asks of the terminal (device attributes, cursor position,
 * modes, colours, size). The mirror in the host answers, exactly once, whether no page is attached, one or several;
 * it sees every byte and is nearer to the program. Colours that a program sets still reach the page.
 */
export function silenceQueries(terminal: Terminal): IDisposable {
  const { parser } = terminal;
  const swallow = () => true;
  const isColorQuery = (data: string) => data.split(';').includes('?');
  const handlers = [
    // DSR and DECXCPR
    parser.registerCsiHandler({ final: 'n' }, swallow),
    parser.registerCsiHandler({ prefix: '?', final: 'n' }, swallow),
    // DA1, DA2, DA3
    parser.registerCsiHandler({ final: 'c' }, swallow),
    parser.registerCsiHandler({ prefix: '>', final: 'c' }, swallow),
    parser.registerCsiHandler({ prefix: '=', final: 'c' }, swallow),
    // XTVERSION
    parser.registerCsiHandler({ prefix: '>', final: 'q' }, swallow),
    // DECRQM, ANSI and private
    parser.registerCsiHandler({ intermediates: '$', final: 'p' }, swallow),
    parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, swallow),
    // XTWINOPS: size reports and window manipulation
    parser.registerCsiHandler({ final: 't' }, swallow),
    // DECRQSS and XTGETTCAP
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, swallow),
    parser.registerDcsHandler({ intermediates: '+', final: 'q' }, swallow),
    ...[4, 10, 11, 12].map((identifier) => parser.registerOscHandler(identifier, isColorQuery)),
    // The clipboard is the host's affair: a read is never answered, a write is asked of the person.
    parser.registerOscHandler(52, swallow),
  ];
  return { dispose: () => handlers.forEach((handler) => handler.dispose()) };
}
