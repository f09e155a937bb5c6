import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { LmError, toLmError } from '../contract';
import { createHost, type Host } from '../host/create-host';
import { createStderrLogger } from '../host/stderr-logger';
import { endWhenUnneeded, idleLimitMs } from './background';
import { openBrowserDoor, openUsualDoor } from './door';
import { LocalDoorOccupied, localDoorPath, localHostClient, openLocalDoor, type LocalDoor } from './local';
import { readServeOptions, type ServeOptions } from './options';
import { jsonReport, textReport, type Streams } from './report';

/** Ends by itself in a fraction of this; after it the process is cut off. */
const stopLimitMs = 10_000;
/** As for every verb of lm-sandbox. */
const wrongUsageExitCode = 2;
const root = path.join(__dirname, '../..');
const logger = createStderrLogger();

const streams: Streams = {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
};
/** Known before the command line is read, which may be what is wrong. */
const report = process.argv.includes('--json') ? jsonReport(streams) : textReport(streams);

/**
 * Whether what is said ends in a log that others may read and that is kept: systemd's journal. A token that signs
 * in must not stand there.
 */
function isLogged(env: NodeJS.ProcessEnv): boolean {
  return env['JOURNAL_STREAM'] !== undefined && !process.stdout.isTTY;
}

async function serve(options: ServeOptions): Promise<void> {
  const { dataFolder } = options;
  const inBackground = options.task === 'background';
  let end: () => void = () => undefined;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  let host: Host | null = null;
  // Before the host, which must not open files that another one has.
  const waiting: (() => void)[] = [];
  const local = await openLocalDoor(dataFolder, (transport, connectionId) => {
    const connect = () => host?.connect(transport, connectionId);
    if (host) connect();
    else waiting.push(connect);
  });
  const started = await createHost({
    appVersion: z.object({ version: z.string() }).parse(readJson(path.join(root, 'package.json'))).version,
    dataFolder,
    dockerFolder: path.join(root, 'docker'),
    imageBuildArguments: options.imageBuildArguments,
    door: 'headless',
    logger,
    shell: null,
    embeddedLlmFile: path.join(__dirname, 'embedded-llm.cjs'),
    assumeYes: process.env['LM_SANDBOX_YES'] === '1',
    ...(inBackground && { onEndAsked: () => end() }),
    openDoor: ({ keeper, connect }) => {
      const door = {
        ...options,
        keeper,
        connect,
        filesFolder: path.join(root, 'out/renderer'),
        onRefused: (reason: string, facts: { method: string; address: string }) =>
          logger.warn('A browser was refused', { reason, ...facts }),
      };
      if (!options.portIsDefault) return openBrowserDoor(door);
      return openUsualDoor(door, (port) => report.portTaken(port));
    },
  });
  host = started;
  end = stopper(started, local, () => {
    if (!inBackground) report.end();
  });
  for (const connect of waiting.splice(0)) connect();
  if (inBackground) {
    endWhenUnneeded(started, idleLimitMs(process.env), end);
    return;
  }
  await started.door.open();
  const { origin, tunnelCommand } = started.door.state();
  report.open({ origin, tunnelCommand, link: isLogged(process.env) ? null : started.door.createLink() });
}

/** Asks the host that runs for the data folder for one more link. */
async function link({ dataFolder }: ServeOptions): Promise<void> {
  const local = await localHostClient(localDoorPath(dataFolder));
  if (!local) {
    throw new LmError('not_found', `No lm-sandbox host runs for ${dataFolder}.`, {
      repair: { text: 'Start one.', command: 'npm start -- --serve' },
    });
  }
  try {
    const created = await local.client.call('door.createLink', null);
    report.link(created, (await local.client.call('door.status', null)).tunnelCommand);
  } finally {
    local.close();
  }
}

/** Ends everything, on signals or when called. */
function stopper(host: Host, local: LocalDoor, onEnded: () => void): () => void {
  let stopping = false;
  const stop = () => {
    // A second one is from somebody who does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), stopLimitMs).unref();
    void Promise.all([host.dispose(), local.close()]).then(
      () => {
        onEnded();
        process.exit(0);
      },
      (error: unknown) => {
        logger.error('The host did not end well', { error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  return stop;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** One sentence and what to do, on standard error. */
function fail(error: unknown, exitCode = 1): never {
  const { data } =
    error instanceof LocalDoorOccupied
      ? new LmError('conflict', error.message, {
          repair: {
            text: 'For a link to it, run npm start -- --link. If it is the desktop app, turn on Settings > Browser access there, or quit it. One that lm-sandbox started in the background is ended by lm-sandbox down --host.',
          },
        })
      : toLmError(error);
  report.fail(data);
  if (data.code === 'internal') logger.error('Unexpected failure', { error });
  process.exit(exitCode);
}

// Whoever read along has gone, such as a terminal or `head`; what runs here does not end with that.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
process.on('unhandledRejection', (error) => logger.error('Unhandled rejection', { error }));
try {
  const options = readServeOptions(process.argv.slice(2), process.env);
  (options.task === 'link' ? link : serve)(options).catch((error: unknown) => {
    // Two that wanted a host at once: one is enough.
    if (options.task === 'background' && error instanceof LocalDoorOccupied) process.exit(0);
    fail(error);
  });
} catch (error) {
  fail(error, wrongUsageExitCode);
}
