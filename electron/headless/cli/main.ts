/**
 * The program `lm-sandbox`: one verb, in one process, over the host's local socket. This file and what it imports is
 * loaded for every command, so it is small; the other verbs are in files of their own.
 * @module
 */
import { dataFolderOf } from '../data-folder';
import type { Arguments } from './arguments';
import { CliFailure, describeFailure, exitCodes, failureData } from './failure';
import { connectHost, type HostLink } from './host-link';
import { run } from './run';

async function connect(given: Arguments): Promise<HostLink> {
  const dataFolder = dataFolderOf(given.value('data-folder'), process.env);
  const link = await connectHost(dataFolder);
  if (link) return link;
  const { requireHost } = await import('./start-host');
  return requireHost(dataFolder);
}

async function perform(words: readonly string[]): Promise<number> {
  const [verb, ...rest] = words;
  if (verb === 'run' && !asksForHelp(rest)) return run(rest, connect);
  const { verbs, help } = await import('./verbs');
  if (verb === undefined || verb === 'help' || verb === '--help' || verb === '-h') {
    process.stdout.write(help(verb === 'help' ? (rest[0] ?? null) : null));
    return verb === undefined ? exitCodes.usage : 0;
  }
  return verbs(verb, rest, connect);
}

/** Before the command itself, whose own --help is not ours. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.findIndex((word) => word === '--' || !word.startsWith('-'));
  return words.slice(0, end === -1 ? undefined : end).some((word) => word === '--help' || word === '-h');
}

function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return (end === -1 ? words : words.slice(0, end)).includes('--json');
}

const words = process.argv.slice(2);
perform(words).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    const data = failureData(error);
    process.stderr.write(wantsJson(words) ? `${JSON.stringify({ error: data })}\n` : describeFailure(data));
    process.exit(error instanceof CliFailure ? error.exitCode : exitCodes.failed);
  },
);
