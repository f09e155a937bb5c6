import { fork, type ChildProcess } from 'node:child_process';
import { LmError } from '../../contract';
import { fromChildSchema, type FromChild, type ToChild } from './protocol';

const keptErrorCharacters = 4_000;
/** The process ends by itself when its channel closes; a native call may keep it from that. */
const endPatienceMs = 2_000;

type Loaded = Omit<Extract<FromChild, { type: 'loaded' }>, 'type'>;

type Told<Type extends FromChild['type']> = Omit<Extract<FromChild, { type: Type }>, 'id'>;
/** What is told of an answer; the last one is a `finish`, and never one of a stopped answer. */
export type GenerationEvent = Told<'text'> | Told<'call'> | Told<'finish'>;

type WithoutId<Message> = Message extends unknown ? Omit<Message, 'id'> : never;
/** Vectors of the texts that were asked for, in their order. */
export interface Embeddings {
  readonly vectors: readonly (readonly number[])[];
  readonly promptTokens: number;
}
type Input = Extract<ToChild, { type: 'embed' }>['inputs'][number];
type Asked = WithoutId<Extract<ToChild, { type: 'chat' | 'complete' | 'embed' }>>;
/** A question to the model in memory. */
export type GenerationOrder = WithoutId<Extract<ToChild, { type: 'chat' | 'complete' }>>;

interface Answer {
  readonly events: (GenerationEvent | Told<'vector'>)[];
  error: LmError | null;
  /** Called whenever there is something new. */
  wake: () => void;
}

export interface LlmProcessOptions {
  /** The program that runs it, and the bundle of child/main.ts. */
  readonly node: string;
  readonly childFile: string;
  readonly modelFile: string;
  readonly modelName: string;
  /** Null: what the processor has for mathematics. */
  readonly threads: number | null;
  /** Called at each change of `state`, `share` or `answering`. */
  readonly onChanged: () => void;
}

/** A model in a process of its own, from its start to its end. A model is unloaded by ending its process. */
export class LlmProcess {
  /** Resolves when the model is in memory; rejects with an LmError. */
  readonly loaded: Promise<Loaded>;
  /** Resolves when the process has ended, whatever the reason. */
  readonly ended: Promise<void>;
  state: 'loading' | 'loaded' | 'ended' = 'loading';
  /** Share of the file that was read. */
  share = 0;
  facts: Loaded | null = null;
  private readonly child: ChildProcess;
  private readonly answers = new Map<number, Answer>();
  private nextId = 1;
  private errorText = '';
  private stopping = false;

  constructor(private readonly options: LlmProcessOptions) {
    this.child = fork(options.childFile, [], {
      execPath: options.node,
      execArgv: [],
      env: environment(process.env),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'json',
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errorText = (this.errorText + text).slice(-keptErrorCharacters);
    });
    this.ended = new Promise((resolve) => {
      const end = (error: LmError) => {
        if (this.state === 'ended') return;
        this.state = 'ended';
        for (const answer of this.answers.values()) {
          answer.error ??= error;
          answer.wake();
        }
        this.answers.clear();
        resolve();
        this.options.onChanged();
      };
      this.child.on('error', (error) => end(this.unexpectedEnd(error.message)));
      this.child.on('exit', (code, signal) => end(this.unexpectedEnd(endText(code, signal))));
    });
    this.loaded = new Promise((resolve, reject) => {
      this.child.on('message', (raw) => {
        const message = fromChildSchema.parse(raw);
        switch (message.type) {
          case 'progress':
            this.share = message.share;
            this.options.onChanged();
            break;
          case 'loaded':
            this.facts = message;
            this.state = 'loaded';
            this.options.onChanged();
            resolve(message);
            break;
          case 'loadFailed':
            this.endError = LmError.fromData(message.error);
            this.stop();
            break;
          default:
            this.take(message);
        }
      });
      void this.ended.then(() => reject(this.endError ?? this.cancelled()));
    });
    // Whoever waits hears of it; a load that nobody waits for any more must not end the host.
    this.loaded.catch(() => undefined);
    this.send({ type: 'load', file: options.modelFile, threads: options.threads });
  }

  get answering(): number {
    return this.answers.size;
  }

  get processId(): number | null {
    return this.child.pid ?? null;
  }

  /** One answer; it is asked for after the model was loaded. Ends with a `finish`, or throws an LmError. */
  async *generate(
    order: GenerationOrder,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    for await (const event of this.ask(order, signal)) {
      if (event.type === 'vector') throw new Error('A vector came that was not asked for.');
      yield event;
    }
  }

  /** Vectors of all inputs, or none of them and an LmError. */
  async embed(inputs: readonly Input[], signal: AbortSignal): Promise<Embeddings> {
    const vectors: (readonly number[])[] = [];
    for await (const event of this.ask({ type: 'embed', inputs: [...inputs] }, signal)) {
      if (event.type === 'vector') vectors[event.index] = event.values;
      if (event.type === 'finish') return { vectors, promptTokens: event.promptTokens };
    }
    throw new Error('The vectors have no end.');
  }

  private async *ask(
    order: Asked,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent | Told<'vector'>, void, undefined> {
    if (this.state === 'ended') throw this.endError ?? this.cancelled();
    const id = this.nextId++;
    const answer: Answer = { events: [], error: null, wake: () => undefined };
    this.answers.set(id, answer);
    this.options.onChanged();
    const stop = () => {
      this.send({ type: 'stop', id });
      answer.wake();
    };
    signal.addEventListener('abort', stop, { once: true });
    this.send({ ...order, id });
    try {
      for (;;) {
        const event = answer.events.shift();
        if (event) {
          yield event;
          if (event.type === 'finish') return;
          continue;
        }
        if (answer.error) throw answer.error;
        if (signal.aborted) throw this.cancelled();
        await new Promise<void>((resolve) => {
          answer.wake = resolve;
        });
        answer.wake = () => undefined;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      // Left without an abort, such as by `break`: nobody wants the rest.
      if (this.answers.has(id) && !signal.aborted) this.send({ type: 'stop', id });
    }
  }

  /** Resolves when no more than `answering` answers are computed, or the process has ended. */
  async whenAtMost(answering: number, signal: AbortSignal): Promise<boolean> {
    while (this.state !== 'ended' && this.answers.size > answering) {
      if (signal.aborted) return false;
      await new Promise<void>((resolve) => {
        const done = () => {
          this.waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.waiting.add(done);
        signal.addEventListener('abort', done, { once: true });
        void this.ended.then(done);
      });
    }
    return true;
  }

  /** Ends the process; its memory is free when `ended` resolves. */
  stop(): void {
    if (this.stopping || this.state === 'ended') return;
    this.stopping = true;
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), endPatienceMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  private readonly waiting = new Set<() => void>();
  private endError: LmError | null = null;

  private take(message: Extract<FromChild, { id: number }>): void {
    const answer = this.answers.get(message.id);
    if (!answer) return;
    switch (message.type) {
      case 'text':
      case 'call':
      case 'vector':
        answer.events.push(message);
        break;
      case 'finish':
        this.forget(message.id);
        if (message.reason === 'stopped') answer.error = this.cancelled();
        else answer.events.push(message);
        break;
      case 'failed':
        this.forget(message.id);
        answer.error = LmError.fromData(message.error);
        break;
    }
    answer.wake();
  }

  private forget(id: number): void {
    this.answers.delete(id);
    for (const wake of [...this.waiting]) wake();
    this.options.onChanged();
  }

  private send(message: ToChild): void {
    if (!this.child.connected) return;
    // A send that fails means that the process is ending, which `exit` tells.
    this.child.send(message, () => undefined);
  }

  private cancelled(): LmError {
    return new LmError('cancelled', `The answer of ${this.options.modelName} was stopped.`);
  }

  private unexpectedEnd(what: string): LmError {
    if (this.stopping) return this.endError ?? this.cancelled();
    this.endError = new LmError(
      'model_server_unavailable',
      `The process of the embedded llama.cpp with ${this.options.modelName} ended unexpectedly: ${what}.`,
      {
        details: { output: this.errorText.trim().slice(-1_000) },
        repair: { text: 'Ask again; it is started anew.' },
        retryable: true,
      },
    );
    return this.endError;
  }
}

function endText(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGKILL') return 'it was killed (SIGKILL), which the system does when memory runs out';
  return signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`;
}

/** The host's environment without what is meant for its own Node. */
function environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^(NODE_|ELECTRON_)/.test(name));
  return {
    ...Object.fromEntries(kept),
    // node-llama-cpp hands each token to this pool. With one thread its caches stay warm and llama.cpp's own
    // threads find their processors free: measured 1.5 to 2 times as many tokens a second.
    UV_THREADPOOL_SIZE: '1',
  };
}
