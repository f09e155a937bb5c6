import {
  LmError,
  maxCommands,
  toLmError,
  type CommandChunk,
  type CommandRequest,
  type CommandSize,
  type StreamSink,
} from '../../contract';
import type { Clock, Disposable } from '../foundation';
import type { PtyBackend } from '../terminal';
import type { CommandBackend, CommandEnd, CommandHandlers, RunningCommand } from './ports';
import { startOnTerminal } from './terminal-command';

export interface CommandsServiceDeps {
  readonly backend: CommandBackend;
  readonly terminals: PtyBackend;
  readonly clock: Clock;
}

interface Entry {
  readonly running: Promise<RunningCommand>;
  ended: Promise<void>;
  open: boolean;
  /** Its end was asked for. */
  ending: boolean;
}

/** Single commands, each for one caller, who gets its streams and its exit code. */
export class CommandsService implements Disposable {
  private readonly entries = new Map<string, Entry>();
  private disposed = false;

  constructor(private readonly deps: CommandsServiceDeps) {}

  /** How many run now. */
  get running(): number {
    return this.entries.size;
  }

  /** Produces into `sink` until the command has ended; the sink's end is the command's. */
  run(owner: string, request: CommandRequest, sink: StreamSink<CommandChunk>): void {
    if (this.disposed) throw new LmError('cancelled', 'The host is shutting down.');
    const key = keyOf(owner, request.id);
    if (this.entries.has(key)) throw new LmError('conflict', 'A command with this id is running.');
    if (this.entries.size >= maxCommands) {
      throw new LmError('too_many', `${String(maxCommands)} commands are running already.`, {
        repair: { text: 'Wait until one has ended.' },
        retryable: true,
      });
    }
    let finish: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (finish = resolve));
    let command: RunningCommand | null = null;
    const forget = () => {
      this.entries.delete(key);
      finish();
    };
    const running = this.start(request, {
      onOutput: (channel, bytes) => {
        // Who wants it to end, and takes nothing, must not hold the end up: the rest is left out.
        if (entry.ending && !sink.writable) return;
        sink.send({ kind: 'output', channel, bytes });
        // Who has gone takes nothing; what is still written until the end must not hold that up.
        if (!sink.writable && !sink.signal.aborted && !entry.ending) command?.pause();
      },
      onEnd: (end) => {
        forget();
        tellEnd(sink, end);
      },
    });
    // Entered before anything is awaited: input may come in the same turn.
    const entry: Entry = { running, ended, open: true, ending: false };
    this.entries.set(key, entry);
    sink.onWritable(() => command?.resume());
    sink.signal.addEventListener('abort', () => {
      command?.resume();
      command?.end();
    });
    running.then(
      (started) => {
        command = started;
        if (sink.signal.aborted) started.end();
        else if (!sink.writable && !entry.ending) started.pause();
      },
      (error: unknown) => {
        forget();
        sink.fail(toLmError(error));
      },
    );
  }

  /** Resolves when the bytes were taken. */
  async write(owner: string, id: string, data: Uint8Array, end: boolean): Promise<void> {
    const entry = this.require(owner, id);
    if (!entry.open) throw new LmError('conflict', "This command's standard input is closed.");
    if (end) entry.open = false;
    const command = await entry.running;
    if (data.byteLength > 0) await Promise.race([command.write(data), entry.ended]);
    if (end) command.endInput();
  }

  async resize(owner: string, id: string, size: CommandSize): Promise<void> {
    (await this.require(owner, id).running).resize(size);
  }

  async end(owner: string, id: string): Promise<void> {
    const entry = this.require(owner, id);
    entry.ending = true;
    const command = await entry.running;
    command.resume();
    command.end();
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await Promise.allSettled(
      [...this.entries.values()].map(async ({ running, ended }) => {
        const command = await running;
        command.resume();
        command.end();
        await ended;
      }),
    );
  }

  private start(request: CommandRequest, handlers: CommandHandlers): Promise<RunningCommand> {
    const [program, ...rest] = request.command ?? [];
    const command = program === undefined ? null : ([program, ...rest] as const);
    const { environment, input, terminal, timeoutMs, workingFolder } = request;
    if (terminal) {
      const wish = { size: terminal, program: { command, workingFolder, environment }, timeoutMs };
      return startOnTerminal(this.deps, wish, handlers);
    }
    if (!command) return Promise.reject(new LmError('invalid_input', 'No command was given.'));
    return this.deps.backend.start({ command, workingFolder, environment, input, timeoutMs }, handlers);
  }

  private require(owner: string, id: string): Entry {
    const entry = this.entries.get(keyOf(owner, id));
    if (!entry) throw new LmError('not_found', 'This command has ended.');
    return entry;
  }
}

function keyOf(owner: string, id: string): string {
  return `${owner} ${id}`;
}

function tellEnd(sink: StreamSink<CommandChunk>, end: CommandEnd): void {
  if (end.kind === 'lost') {
    sink.fail(end.error);
    return;
  }
  sink.send({ kind: 'exit', exitCode: end.exitCode, timedOut: end.timedOut });
  sink.end();
}
