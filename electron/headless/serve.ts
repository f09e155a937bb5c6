import { LmError, toLmError, type HostNeed } from '../contract';
import { createStderrLogger } from '../host/stderr-logger';
import { serveBeside } from './beside';
import { HandOver, describeNeeds } from './hand-over';
import { LocalDoorOccupied, localDoorPath, localHostClient } from './local';
import { readServeOptions, type ServeOptions } from './options';
import { jsonReport, textReport, type Streams } from './report';
import { runHost } from './run-host';

/** As for every verb of lm-sandbox. */
const wrongUsageExitCode = 2;
/** A host in the background may end, and another one begin, while this one looks. */
const serveAttempts = 3;
const logger = createStderrLogger();
const streams: Streams = {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
};
/** Known before the command line is read, which may be what is wrong. */
const report = process.argv.includes('--json') ? jsonReport(streams) : textReport(streams);

/** The host of the data folder in this process; where one in the background is needed, browsers are let in at that one. */
async function serve(options: ServeOptions): Promise<void> {
  const { dataFolder, ownHostOptions } = options;
  let occupied: unknown = null;
  for (let attempt = 0; attempt < serveAttempts; attempt += 1) {
    const handOver = new HandOver();
    try {
      await runHost({ options, logger, report, askToLeave: handOver.ask });
      return;
    } catch (error) {
      if (!(error instanceof LocalDoorOccupied) || !handOver.hasClosedDoor) throw error;
      occupied = error;
    }
    const neededBy = handOver.neededBy ?? [];
    if (ownHostOptions.length > 0) throw needed(dataFolder, neededBy, ownHostOptions);
    if (await serveBeside({ dataFolder, neededBy, report })) process.exit(0);
  }
  throw occupied;
}

function needed(dataFolder: string, neededBy: readonly HostNeed[], given: readonly string[]): LmError {
  return new LmError(
    'conflict',
    `A host in the background runs for ${dataFolder}, for ${describeNeeds(neededBy)}; it cannot take over ${given.join(', ')}.`,
    {
      details: { neededBy: neededBy.map(({ kind }) => kind).join(' ') },
      repair: {
        text: 'Leave that away, and browsers are let in at that host; or end it, with all that it runs, and try again.',
        command: 'lm-sandbox down --host',
      },
    },
  );
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

function perform(options: ServeOptions): Promise<void> {
  switch (options.task) {
    case 'link':
      return link(options);
    case 'serve':
      return serve(options);
    case 'background':
      return runHost({ options, logger, report, askToLeave: null });
  }
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
  perform(options).catch((error: unknown) => {
    // Two that wanted a host at once: one is enough.
    if (options.task === 'background' && error instanceof LocalDoorOccupied) process.exit(0);
    fail(error);
  });
} catch (error) {
  fail(error, wrongUsageExitCode);
}
