import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openBackgroundLog } from './background-log';
import { failure } from './failure';
import { connectHost, type HostLink } from './host-link';

const startLimitMs = 30_000;
const lookEveryMs = 25;
const shownLogLines = 5;

/** The running host of the data folder; where there is none, one is started in the background. */
export async function requireHost(dataFolder: string): Promise<HostLink> {
  return (await connectHost(dataFolder)) ?? startHost(dataFolder);
}

/** It ends by itself; see electron/headless/background.ts. Of two that are started at once one ends at once. */
async function startHost(dataFolder: string): Promise<HostLink> {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const { logFile, log, startsAt } = openBackgroundLog(dataFolder);
  const program = path.join(__dirname, 'headless.cjs');
  const child = spawn(process.execPath, [program, '--background', '--data-folder', dataFolder], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  });
  let exitCode: number | null = null;
  child.once('error', () => (exitCode = 1));
  child.once('exit', (code) => (exitCode = code ?? 1));
  child.unref();
  const deadline = Date.now() + startLimitMs;
  while (Date.now() < deadline) {
    const link = await connectHost(dataFolder, deadline - Date.now());
    if (link) return link;
    // With 0 it found another one, which may not answer yet.
    if (exitCode !== null && exitCode !== 0) break;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  const said = readFileSync(logFile)
    .subarray(startsAt)
    .toString('utf8')
    .trim()
    .split('\n')
    .slice(-shownLogLines)
    .join('\n');
  throw failure('internal', `The lm-sandbox host could not be started.${said ? `\n${said}` : ''}`, {
    text: `All that it said is in ${logFile}.`,
  });
}
