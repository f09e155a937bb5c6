import { describe, expect, it } from 'vitest';
import { parseArguments, parseDuration } from './arguments';
import { CliFailure } from './failure';
import { optionsFirst, readCommand, runOptions } from './run';

const parse = (...words: string[]) => parseArguments(optionsFirst(words), 'run', runOptions);

describe('the words of a command line', () => {
  it('takes what stands before the command as its own, and nothing behind it', () => {
    const given = parse('-w', '/tmp', '--env=A=1', '-e', 'B=', 'ls', '--json', '-w', '--');
    expect(given.flag('json')).toBe(false);
    expect(readCommand(given, 'run')).toEqual({
      command: ['ls', '--json', '-w', '--'],
      workingFolder: '/tmp',
      environment: { A: '1', B: '' },
      timeoutMs: null,
    });
  });

  it('hands every word behind -- on as it is', () => {
    expect(parse('--json', '--', '--help', '').rest).toEqual(['--help', '']);
  });

  it.each([['--nonsense', 'ls'], ['--json=1', 'ls'], ['--cwd'], ['--cwd', 'a', '--cwd', 'b', 'ls']])(
    'refuses %s %s',
    (...words) => {
      expect(() => parse(...words)).toThrow(CliFailure);
    },
  );

  it('reads times with and without their unit', () => {
    expect(['30', '90s', '5m', '1h', '250ms', '0.5'].map((text) => parseDuration(text, 'run'))).toEqual([
      30_000, 90_000, 300_000, 3_600_000, 250, 500,
    ]);
    for (const text of ['', 'soon', '-1', '0']) expect(() => parseDuration(text, 'run')).toThrow(CliFailure);
  });
});
