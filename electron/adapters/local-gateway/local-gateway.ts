import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { LmError } from '../../contract';
import type { GatewayRuntime, LauncherDescription, RunningGateway } from '../../services/local-api/ports';
import { ensureEnvironment } from './environment';

const answersWithinMs = 30_000;
const askEveryMs = 50;
/** The gateway gives requests 2 s and commands 1.5 s; then it is killed, and its commands with it. */
const stopWithinMs = 8_000;
const keptLines = 40;
/** Where the gateway writes which programs run. */
const programsDescriptor = 3;
const programsPattern = /^\d+( \d+)*$/;
const tokenPattern = /^[0-9a-f]{64}$/;

export interface LocalGatewayOptions {
  readonly dataFolder: string;
  /** The docker/ folder, whose gateway/ is run. */
  readonly dockerFolder: string;
  readonly appVersion: string;
  /** llama-server's interface to the embedded models; null for none. */
  readonly modelSocket: string | null;
  readonly env: NodeJS.ProcessEnv;
  /** Each line that the gateway writes. */
  readonly log: (line: string) => void;
}

/** Not installed, but run from where it is; isolated (-I), it would not look there by itself. */
const bootstrap =
  "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('lm_gateway', run_name='__main__', alter_sys=True)";

/** The gateway of docker/gateway as a program of this computer, for this user alone. */
export function createLocalGateway(options: LocalGatewayOptions): GatewayRuntime {
  const { dataFolder, dockerFolder, env } = options;
  const below = (...names: string[]) => path.join(dataFolder, ...names);
  const tokenFile = below('api-token');
  let program: string | null = null;

  return {
    tokenFile,
    token: () => ensureToken(tokenFile),
    prepare: async (tell, signal) => {
      const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
      program = await ensureEnvironment(
        {
          folder: below('python'),
          requirementsFile: path.join(dockerFolder, 'gateway', 'requirements.txt'),
          env,
          distribution: [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].flatMap(([, words = '']) =>
            words.replaceAll(/["']/g, '').split(/\s+/),
          ),
        },
        tell,
        signal,
      );
    },
    start: async (port, launcher, tellPrograms) => {
      if (program === null) throw new LmError('internal', 'The API was not prepared.');
      await ensureToken(tokenFile);
      await requireFree(port);
      const launcherFile = await writeLauncher(below('run'), launcher);
      const child = spawn(
        program,
        [
          ...['-I', '-X', `pycache_prefix=${below('python-cache')}`],
          ...['-c', bootstrap, path.join(dockerFolder, 'gateway', 'src')],
        ],
        {
          cwd: '/',
          env: {
            // What its commands see is said by the launcher; this is for the gateway itself.
            PATH: env.PATH ?? '/usr/bin:/bin',
            LANG: 'C.UTF-8',
            LM_API_TOKEN_FILE: tokenFile,
            LM_LAUNCHER_FILE: launcherFile,
            LM_PROGRAMS_FD: String(programsDescriptor),
            LM_RUN_DIR: below('run'),
            LM_MODELS_DIR: below('models'),
            LM_GGUF_DIR: below('models'),
            LM_ABSENT_PARTS: options.modelSocket === null ? 'ollama,llama_cpp' : 'ollama',
            ...(options.modelSocket === null ? {} : { LM_LLAMA_CPP_SOCKET: options.modelSocket }),
            LM_GATEWAY_HOST: '127.0.0.1',
            LM_GATEWAY_PORT: String(port),
            LM_IMAGE_VERSION: options.appVersion,
          },
          stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        },
      );
      followPrograms(child.stdio[programsDescriptor], tellPrograms);
      const gateway = follow(child, port, options.log);
      await answers(gateway, port);
      return gateway;
    },
  };
}

/** Of what has come together, the last line is how it is now. */
function followPrograms(
  output: ChildProcess['stdio'][number],
  tell: (processIds: readonly number[]) => void,
): void {
  if (!(output instanceof Readable)) throw new Error('The gateway has no such descriptor.');
  let rest = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const last = lines.at(-1);
    if (last === '') tell([]);
    else if (last !== undefined && programsPattern.test(last)) tell(last.split(' ').map(Number));
  });
}

interface Followed extends RunningGateway {
  readonly isEnded: () => boolean;
}

function follow(child: ChildProcess, port: number, log: (line: string) => void): Followed {
  const lines: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    let rest = '';
    output?.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) {
        log(line);
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
      }
    });
  }
  let isEnded = false;
  const ended = new Promise<string>((resolve) => {
    const end = () => {
      isEnded = true;
      resolve(lines.join('\n'));
    };
    child.on('error', (error) => {
      lines.push(error.message);
      end();
    });
    child.on('close', end);
  });
  return {
    address: `http://127.0.0.1:${port}`,
    ended,
    isEnded: () => isEnded,
    stop: async () => {
      if (isEnded) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function answers(gateway: Followed, port: number): Promise<void> {
  const deadline = Date.now() + answersWithinMs;
  while (!gateway.isEnded() && Date.now() < deadline) {
    if ((await isHealthy(port)) && !gateway.isEnded()) return;
    await Promise.race([delay(askEveryMs), gateway.ended]);
  }
  const late = !gateway.isEnded();
  await gateway.stop();
  const said = await gateway.ended;
  if (/address already in use/i.test(said)) throw portInUse(port);
  throw new LmError(
    'internal',
    late ? 'The API did not answer in time.' : 'The API ended while it was started.',
    { details: { said: said.slice(-1_500) }, retryable: true },
  );
}

function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/health', timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
    request.on('timeout', () => request.destroy());
  });
}

/** Told before anything is started: Python would say it in its own words, and later. */
async function requireFree(port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EADDRINUSE') throw portInUse(port);
    throw new LmError('internal', `The API cannot listen on port ${port}.`, {
      details: { reason: error instanceof Error ? error.message : String(error) },
      repair: { text: 'Choose another port in the settings.' },
      cause: error,
    });
  } finally {
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      await closed;
    }
  }
}

function portInUse(port: number): LmError {
  return new LmError('port_in_use', `Port ${port} on this computer is in use by another program.`, {
    details: { port },
    repair: { text: 'Choose another port in Settings > Sandbox, or end that program and try again.' },
    retryable: true,
  });
}

async function writeLauncher(folder: string, launcher: LauncherDescription): Promise<string> {
  const file = path.join(folder, 'launcher.json');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(launcher), { mode: 0o600 });
  return file;
}

async function ensureToken(file: string): Promise<string> {
  try {
    const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
    if (tokenPattern.test(kept)) {
      await chmod(file, 0o600);
      return kept;
    }
    const token = randomBytes(32).toString('hex');
    const partial = `${file}.${process.pid}.partial`;
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(partial, `${token}\n`, { mode: 0o600 });
    await rename(partial, file);
    return token;
  } catch (error) {
    throw new LmError('storage_failed', `The token of the API cannot be kept in ${file}.`, {
      details: { reason: error instanceof Error ? error.message : String(error) },
      cause: error,
    });
  }
}
