import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { createHost, type Host, type HostOptions } from '../host/create-host';
import { endWhenUnneeded, idleLimitMs } from './background';
import { limitedRefusals, openBrowserDoor, openUsualDoor } from './door';
import { openLocalDoor, type AskToLeave, type LocalDoor } from './local';
import type { ServeOptions } from './options';
import { isLogged, type Report } from './report';

/** Ends by itself in a fraction of this; after it the process is cut off. */
const stopLimitMs = 10_000;
const root = path.join(__dirname, '../..');

export interface RunHostDeps {
  readonly options: ServeOptions;
  readonly logger: HostOptions['logger'];
  readonly report: Report;
  /** Asks a host that has the data folder to end. */
  readonly askToLeave: AskToLeave | null;
}

/** The host in this process: with its door open, or in the background. Rejects with LocalDoorOccupied. */
export async function runHost({ askToLeave, logger, options, report }: RunHostDeps): Promise<void> {
  const { dataFolder } = options;
  const inBackground = options.task === 'background';
  let end: () => void = () => undefined;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  let host: Host | null = null;
  // Before the host, which must not open files that another one has.
  const waiting: (() => void)[] = [];
  const local = await openLocalDoor(
    dataFolder,
    (transport, connectionId) => {
      const connect = () => host?.connect(transport, connectionId);
      if (host) connect();
      else waiting.push(connect);
    },
    askToLeave,
  );
  const started = await createHost({
    appVersion: z.object({ version: z.string() }).parse(readJson(path.join(root, 'package.json'))).version,
    dataFolder,
    dockerFolder: path.join(root, 'docker'),
    imageBuildArguments: options.imageBuildArguments,
    door: 'headless',
    logger,
    shell: null,
    embeddedLlmFile: path.join(__dirname, 'embedded-llm.cjs'),
    assumeYes: options.assumeYes,
    ...(inBackground && { background: { takeNobodyOn: () => local.leave(), end: () => end() } }),
    openDoor: ({ keeper, connect }) => {
      const door = {
        ...options,
        keeper,
        connect,
        filesFolder: path.join(root, 'out/renderer'),
        onRefused: limitedRefusals((reason, facts) =>
          logger.warn('A browser was refused', { reason, ...facts }),
        ),
      };
      if (!options.portIsDefault) return openBrowserDoor(door);
      return openUsualDoor(door, (port) => report.portTaken(port));
    },
  });
  host = started;
  end = stopper(started, local, {
    onEnded: () => {
      if (!inBackground) report.end();
    },
    onFailed: (error) => logger.error('The host did not end well', { error }),
  });
  for (const connect of waiting.splice(0)) connect();
  if (inBackground) {
    endWhenUnneeded(started, idleLimitMs(process.env), end);
    return;
  }
  await started.door.open();
  const { origin, tunnelCommand } = started.door.state();
  const link = isLogged(process.env) ? null : started.door.createLink();
  report.open({ origin, tunnelCommand, link, background: false });
}

/** Ends everything, on signals or when called. */
function stopper(
  host: Host,
  local: LocalDoor,
  told: { readonly onEnded: () => void; readonly onFailed: (error: unknown) => void },
): () => void {
  let stopping = false;
  const close = async () => {
    // The folder is let go when its files are closed, so that no other host opens them meanwhile.
    local.leave();
    await host.dispose();
    await local.close();
  };
  const stop = () => {
    // A second one is from somebody who does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), stopLimitMs).unref();
    close().then(
      () => {
        told.onEnded();
        process.exit(0);
      },
      (error: unknown) => {
        told.onFailed(error);
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
