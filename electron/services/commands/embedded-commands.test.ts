import { expect, it } from 'vitest';
import { LmError } from '../../contract';
import type { EmbeddedRun, Launch } from '../embedded';
import { silentLogger, systemClock } from '../foundation';
import { createEmbeddedCommands } from './embedded-commands';
import type { CommandEnd, ProcessStarter } from './ports';

const launch: Launch = { command: ['bwrap'], environment: {}, workingFolder: '/' };
const wish = {
  command: ['true'],
  environment: {},
  input: false,
  timeoutMs: null,
  workingFolder: null,
} as const;

/** A sandbox whose run a test changes while a program starts; ended programs exit. */
function make() {
  const runOf = (runId: string): EmbeddedRun => ({ runId, processIds: () => [] });
  const ended: number[] = [];
  const live = new Set<number>();
  const ends: CommandEnd[] = [];
  let run: EmbeddedRun | null = runOf('first');
  let started: () => void = () => undefined;
  let handlers: Parameters<ProcessStarter['start']>[2] | null = null;
  const commands = createEmbeddedCommands({
    embedded: {
      settled: () => Promise.resolve(),
      current: () => run,
      requireRun: () => {
        if (!run) throw new LmError('sandbox_not_running', 'It is not running.');
        return run;
      },
      launch: () => launch,
      track: (processId) => {
        live.add(processId);
        return () => void live.delete(processId);
      },
      end: async (processId) => {
        ended.push(processId);
        await Promise.resolve();
        handlers?.onExit(137);
        handlers?.onClose();
      },
    },
    processes: {
      start: async (_launch, _options, given) => {
        handlers = given;
        await new Promise<void>((resolve) => (started = resolve));
        const write = () => Promise.resolve();
        const nothing = () => undefined;
        return { processId: 7, write, endInput: nothing, pause: nothing, resume: nothing };
      },
    },
    clock: systemClock,
    logger: silentLogger,
  });
  const starting = commands.start(wish, { onOutput: () => undefined, onEnd: (end) => ends.push(end) });
  return {
    starting,
    ended,
    ends,
    live,
    /** Resolves when the program is being started. */
    startsProgram: () => expect.poll(() => handlers).not.toBeNull(),
    setRun: (runId: string | null) => (run = runId === null ? null : runOf(runId)),
    programStarts: () => started(),
  };
}

it.each([null, 'second'])(
  'a command that started while its run of the sandbox ended is ended too (then: %s)',
  async (runId) => {
    const { ended, ends, live, programStarts, setRun, starting, startsProgram } = make();
    const outcome = expect(starting).rejects.toMatchObject({ code: 'sandbox_not_running' });
    await startsProgram();
    setRun(runId);
    programStarts();
    await outcome;
    expect(ended).toEqual([7]);
    // Told once, by the failure.
    expect(ends).toEqual([]);
    await expect.poll(() => live.size).toBe(0);
  },
);

it('a command whose run goes on is left alone, and ends with what it says', async () => {
  const { ended, ends, live, programStarts, starting, startsProgram } = make();
  await startsProgram();
  programStarts();
  const command = await starting;
  expect([ended, [...live]]).toEqual([[], [7]]);
  command.end();
  await expect.poll(() => ends).toEqual([{ kind: 'exited', exitCode: 137, timedOut: false }]);
});
