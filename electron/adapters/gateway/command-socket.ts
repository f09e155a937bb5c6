import { WebSocket, type RawData } from 'ws';
import { z } from 'zod';
import { LmError } from '../../contract';
import type {
  CommandBackend,
  CommandEnd,
  CommandHandlers,
  CommandWish,
  RunningCommand,
} from '../../services/commands/ports';
import type { RunningContainerSource } from '../../services/container/running-container';
import { mapConnectionError, readErrorBody, unauthorized } from './errors';

const doing = 'running a command';
/** The gateway's longest time for a command. */
const longestSeconds = 86_400;
const connectLimitMs = 10_000;
const maxMessageBytes = 8 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;
const channels: Readonly<Record<number, 'stdout' | 'stderr'>> = { 1: 'stdout', 2: 'stderr' };

const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('exit'), exit_code: z.number().int().nullable(), timed_out: z.boolean() }),
  z.object({ type: z.literal('error'), code: z.string(), error: z.string() }),
]);

export interface GatewayCommandsDeps {
  readonly containers: RunningContainerSource;
  /** Resolves when it is known whether a container runs. */
  readonly settled: () => Promise<void>;
}

/**
 * Commands in the container, each over a WebSocket of its own to the gateway, which ends a command and all it
 * started with its connection.
 */
export function createGatewayCommands({ containers, settled }: GatewayCommandsDeps): CommandBackend {
  return {
    start: async (wish, handlers) => {
      await settled();
      const { gatewayToken, gatewayUrl } = containers.require();
      const socket = new WebSocket(`${gatewayUrl.replace(/^http/, 'ws')}/commands/run`, {
        headers: { authorization: `Bearer ${gatewayToken}` },
        handshakeTimeout: connectLimitMs,
        maxPayload: maxMessageBytes,
        perMessageDeflate: false,
      });
      socket.binaryType = 'nodebuffer';
      await opened(socket);
      return follow(socket, wish, handlers);
    },
  };
}

/** What the gateway's shell is told, which becomes the program at once. */
export function commandLine({
  command,
  workingFolder,
}: Pick<CommandWish, 'command' | 'workingFolder'>): string {
  const run = `exec -- ${command.map(quote).join(' ')}`;
  if (workingFolder === null) return run;
  // A name like `-` would mean something else to cd.
  const folder = quote(workingFolder.startsWith('/') ? workingFolder : `./${workingFolder}`);
  const missing = `printf 'lm-sandbox: No folder that can be entered is at %s.\\n' ${folder} >&2; exit 125`;
  return `cd -- ${folder} 2> /dev/null || { ${missing}; }; ${run}`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error) => reject(mapConnectionError(error, doing)));
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body = (body + text).slice(0, maxRefusalBytes);
      });
      response.once('close', () => reject(mapRefusal(response.statusCode ?? 0, body)));
    });
  });
}

function mapRefusal(status: number, body: string): LmError {
  const { text, type } = readErrorBody(status, body);
  if (status === 401) return unauthorized(text);
  if (status === 404 || (status === 403 && type === '')) {
    return new LmError('unsupported', "The container's image is older than this app and cannot do this.", {
      repair: {
        text: 'Build the image and make the container anew.',
        command: 'lm-sandbox build && lm-sandbox up --recreate',
      },
    });
  }
  return mapGatewayError(type, text || `status ${String(status)}`);
}

function mapGatewayError(code: string, text: string): LmError {
  const message = `The sandbox did not run the command: ${text}.`;
  if (code === 'too_many_commands' || code === 'too_many_requests' || code === 'rate_limited') {
    return new LmError('too_many', message, {
      repair: { text: 'Try again when another command has ended.' },
      retryable: true,
    });
  }
  if (code === 'invalid_request') return new LmError('invalid_input', message);
  return new LmError('container_failed', message, { details: { code }, retryable: true });
}

function follow(socket: WebSocket, wish: CommandWish, handlers: CommandHandlers): RunningCommand {
  let end: CommandEnd | null = null;
  socket.on('message', (data: RawData, isBinary: boolean) => {
    // `nodebuffer` gives no other form.
    if (!Buffer.isBuffer(data)) return;
    if (isBinary) {
      const channel = channels[data[0] ?? 0];
      if (channel) handlers.onOutput(channel, data.subarray(1));
    } else {
      end ??= readEnd(new TextDecoder().decode(data));
    }
  });
  let failure: Error | null = null;
  socket.on('error', (error) => (failure = error));
  socket.once('close', () =>
    handlers.onEnd(end ?? { kind: 'lost', error: mapConnectionError(failure ?? new Error('closed'), doing) }),
  );
  const timeoutSeconds = wish.timeoutMs === null ? longestSeconds : wish.timeoutMs / 1_000;
  socket.send(
    JSON.stringify({
      cmd: commandLine(wish),
      env: wish.environment,
      timeout_s: timeoutSeconds,
      stdin_open: wish.input,
    }),
  );
  const control = (type: 'eof' | 'end') => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type }));
  };
  return {
    write: (bytes) =>
      new Promise((taken) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes, () => taken());
        else taken();
      }),
    endInput: () => control('eof'),
    resize: () => undefined,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => {
      control('end');
      // What is still in its way must not hold back the word that it has ended.
      socket.resume();
    },
  };
}

function readEnd(text: string): CommandEnd {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  const parsed = messageSchema.safeParse(json);
  if (!parsed.success) {
    return { kind: 'lost', error: mapConnectionError(new Error('unreadable message'), doing) };
  }
  const message = parsed.data;
  if (message.type === 'error') return { kind: 'lost', error: mapGatewayError(message.code, message.error) };
  return { kind: 'exited', exitCode: message.exit_code, timedOut: message.timed_out };
}
