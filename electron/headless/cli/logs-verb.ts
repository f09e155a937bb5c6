import type { LogLine } from '../../contract';
import { note, sayJson, type Context } from './context';
import { CliFailure, failure, usage } from './failure';
import { readSandbox } from './sandbox-verbs';

export const logsOptions = { follow: 'flag', lines: 'value', timestamps: 'flag' } as const;
const windowBytes = 1024 * 1024;
/** The engine does not say where the past ends; after so long without a line it is taken to have. */
const quietMs = 500;
const defaultLines = 200;

/** The container's log: its last lines, and with --follow those to come. */
export async function logs(context: Context): Promise<number> {
  const { given, json } = context;
  const wanted = given.value('lines');
  const lines = wanted === null ? defaultLines : wanted === 'all' ? Infinity : Number(wanted);
  if (!(lines >= 0)) throw usage(`“${wanted ?? ''}” is no number of lines, and not all.`, 'logs');
  const link = await context.connect();
  const { place } = await readSandbox(link);
  if (place === 'embedded') {
    throw failure(
      'unsupported',
      'The embedded sandbox has no log: what runs in it writes to its own terminal.',
    );
  }
  const follow = given.flag('follow');
  const print = (line: LogLine) => {
    if (json) sayJson(line);
    else {
      const time =
        given.flag('timestamps') && line.timeMs !== null ? `${new Date(line.timeMs).toISOString()} ` : '';
      process.stdout.write(`${time}${line.text}\n`);
    }
  };
  process.stdout.on('error', () => process.exit(0));
  return new Promise<number>((resolve, reject) => {
    let past: LogLine[] | null = [];
    let problem: CliFailure | null = null;
    const endPast = () => {
      if (!past) return;
      for (const line of lines === 0 ? [] : past.slice(-Math.min(lines, past.length))) print(line);
      const wasEmpty = past.length === 0;
      past = null;
      if (follow) return;
      if (wasEmpty && problem) reject(problem);
      else resolve(0);
    };
    let timer = setTimeout(endPast, quietMs);
    link.watch('logs.watch', null, windowBytes, {
      onChunk: (chunk, consumed) => {
        if (chunk.kind === 'state') problem = chunk.error && new CliFailure(chunk.error);
        if (chunk.kind === 'gap') note('· some lines were left out: they came faster than they were read');
        if (chunk.kind === 'lines') {
          if (past) {
            past.push(...chunk.lines);
            clearTimeout(timer);
            timer = setTimeout(endPast, quietMs);
          } else {
            for (const line of chunk.lines) print(line);
          }
        }
        if (process.stdout.writableNeedDrain) process.stdout.once('drain', consumed);
        else consumed();
      },
      onEnd: () => resolve(0),
      onError: reject,
    });
  });
}
