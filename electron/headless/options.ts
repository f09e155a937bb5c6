import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LmError } from '../contract';
import { dataFolderOf } from './data-folder';
import { defaultDoorPort, isLoopback } from './door/addresses';
import { serveOptionTable } from './option-table';

export interface ServeOptions {
  /** `background`: for programs of this user alone, until nobody needs it. */
  readonly task: 'serve' | 'link' | 'background';
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  /** Another port may take its place when it is in use. */
  readonly portIsDefault: boolean;
  readonly tls: { readonly certificate: Buffer; readonly key: Buffer } | null;
  readonly otherOrigins: readonly string[];
  readonly imageBuildArguments: Readonly<Record<string, string>>;
  /** Yes to what the app would ask, such as fetching a starter model. */
  readonly assumeYes: boolean;
  /** What was given that only a host of its own can do, as it was written; a running one cannot take it over. */
  readonly ownHostOptions: readonly string[];
}

const ownHostOptions = [
  'host',
  'port',
  'tls-cert',
  'tls-key',
  'allow-remote',
  'allow-origin',
  'image-build-argument',
] as const;

/**
 * @param commandLine Without the program's own name.
 * @throws LmError `invalid_input`, with what to write instead.
 */
export function readServeOptions(commandLine: readonly string[], env: NodeJS.ProcessEnv): ServeOptions {
  const values = parse(commandLine);
  const host = values.host ?? '127.0.0.1';
  const certificateFile = values['tls-cert'];
  const keyFile = values['tls-key'];
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw wrong('A certificate needs its key, and the other way round.', '--tls-cert FILE --tls-key FILE');
  }
  if (!isLoopback(host)) checkRemote(host, certificateFile !== undefined, values['allow-remote'] === true);
  return {
    task: values.link === true ? 'link' : values.background === true ? 'background' : 'serve',
    dataFolder: dataFolderOf(values['data-folder'] ?? null, env),
    host,
    port: readPort(values.port),
    portIsDefault: values.port === undefined,
    tls:
      certificateFile === undefined || keyFile === undefined
        ? null
        : { certificate: readTls(certificateFile), key: readTls(keyFile) },
    otherOrigins: (values['allow-origin'] ?? []).map(readOrigin),
    imageBuildArguments: Object.fromEntries((values['image-build-argument'] ?? []).map(readBuildArgument)),
    assumeYes: env['LM_SANDBOX_YES'] === '1',
    ownHostOptions: [
      ...ownHostOptions.filter((name) => values[name] !== undefined).map((name) => `--${name}`),
      ...(env['LM_SANDBOX_YES'] === '1' ? ['--yes'] : []),
    ],
  };
}

function parse(commandLine: readonly string[]) {
  try {
    return parseArgs({
      args: [...commandLine],
      allowPositionals: false,
      options: serveOptionTable,
    }).values;
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), '--help');
  }
}

/** Whoever reaches the port could try to sign in, and without TLS everybody on the way could read along. */
function checkRemote(host: string, hasTls: boolean, allowed: boolean): void {
  if (hasTls && allowed) return;
  const missing = [
    ...(hasTls ? [] : ['--tls-cert FILE --tls-key FILE']),
    ...(allowed ? [] : ['--allow-remote']),
  ];
  throw new LmError(
    'invalid_input',
    `${host} is reached from other computers: that needs ${hasTls ? '' : 'TLS'}${!hasTls && !allowed ? ' and ' : ''}${allowed ? '' : 'your explicit word'}.`,
    {
      repair: {
        text: `Add ${missing.join(' ')}; or leave --host away and come through a tunnel (ssh -L), which needs neither.`,
      },
    },
  );
}

function readPort(text: string | undefined): number {
  if (text === undefined) return defaultDoorPort;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw wrong(`“${text}” is no port.`, '--port N, with N from 1 to 65535, or 0 for any');
}

function readOrigin(text: string): string {
  if (URL.canParse(text)) {
    const { origin, protocol } = new URL(text);
    if (protocol === 'http:' || protocol === 'https:') return origin;
  }
  throw wrong(`“${text}” is no origin.`, '--allow-origin https://name:port');
}

function readTls(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw wrong(`${file} cannot be read (${code}).`, '--tls-cert FILE --tls-key FILE');
  }
}

function readBuildArgument(text: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  if (/^[A-Z][A-Z0-9_]*$/.test(name)) return [name, value.join('=')];
  throw wrong(`“${text}” is no build argument.`, '--image-build-argument=NAME=VALUE');
}

function wrong(message: string, instead: string): LmError {
  return new LmError('invalid_input', message, { repair: { text: `Write ${instead}.` } });
}
