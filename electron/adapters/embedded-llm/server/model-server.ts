import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { LmError, type Model } from '../../../contract';
import type { EmbeddedLlm } from '../embedded-backend';
import type { GenerationEvent } from '../llm-process';
import { chatWriter, completionWriter, type AnswerFacts, type AnswerWriter } from './answers';
import { embeddingAnswer, readEmbedding, type EmbeddingQuestion } from './embeddings';
import { readChat, readCompletion, readModelName, type Question } from './read-request';
import { refusalOf, type Refusal } from './refusal';

/** Linux keeps 108 bytes for the path of a socket, the zero at its end included. */
const maxPathBytes = 107;
/** A conversation with files in it; more is a mistake. */
const maxBodyBytes = 64 * 1024 * 1024;
/** What is said for the release of llama.cpp before a model was loaded. */
const unknownRelease = 'node-llama-cpp';

export interface ModelServerDeps {
  readonly llm: Pick<EmbeddedLlm, 'list' | 'load' | 'unload' | 'generate' | 'embed' | 'running'>;
  readonly socketPath: string;
  /** A model is being loaded, was, or answers: the list of models may be another one. */
  readonly onModelUsed: () => void;
}

/** The embedded models for programs of this computer that speak llama-server's language. */
export interface ModelServer {
  readonly socketPath: string;
  /** @throws LmError `invalid_input` where the path is too long, `storage_failed` where it cannot be made. */
  open(): Promise<void>;
  /** Ends what is being answered, and removes the socket. Idempotent; it can be opened again. */
  close(): Promise<void>;
}

/** Where the host of a data folder serves its models. */
export function modelSocketPath(dataFolder: string): string {
  return path.join(dataFolder, 'run', 'embedded-llm.sock');
}

/**
 * The part of llama-server's interface that the gateway uses, over a socket that only its owner can open. Models are
 * loaded by their names, as for the chat, and share its process. Whoever closes the connection ends the answer.
 */
export function createModelServer(deps: ModelServerDeps): ModelServer {
  const { socketPath } = deps;
  let server: Server | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (action: () => Promise<void>): Promise<void> => {
    const result = turn.then(action);
    turn = result.catch(() => undefined);
    return result;
  };

  return {
    socketPath,
    open: () =>
      inTurn(async () => {
        if (server) return;
        if (Buffer.byteLength(socketPath) > maxPathBytes) {
          throw new LmError('invalid_input', `The path ${socketPath} is too long for a socket.`, {
            repair: { text: 'Choose a data folder with a shorter path.' },
          });
        }
        const opened = createServer(new Requests(deps).handle);
        // A model may load for minutes, and an answer may take hours.
        opened.requestTimeout = 0;
        try {
          await mkdir(path.dirname(socketPath), { recursive: true, mode: 0o700 });
          // One host has this folder: what lies there is of one that was killed.
          await rm(socketPath, { force: true });
          opened.listen(socketPath);
          await once(opened, 'listening');
          await chmod(socketPath, 0o600);
        } catch (error) {
          opened.close();
          throw new LmError('storage_failed', `The socket of the models cannot be made: ${socketPath}.`, {
            details: { reason: error instanceof Error ? error.message : String(error) },
            cause: error,
          });
        }
        server = opened;
      }),
    close: () =>
      inTurn(async () => {
        const closing = server;
        server = null;
        if (!closing) return;
        const closed = once(closing, 'close');
        closing.close();
        closing.closeAllConnections();
        await closed;
        await rm(socketPath, { force: true });
      }),
  };
}

class Requests {
  /** Asked for, and not yet in memory. */
  private readonly loading = new Set<string>();

  constructor(private readonly deps: ModelServerDeps) {}

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const left = new AbortController();
    response.on('close', () => left.abort());
    // A client that is gone cannot be told anything.
    response.on('error', () => undefined);
    this.answer(request, response, left.signal).catch((error: unknown) => {
      if (!left.signal.aborted) refuse(response, refusalOf(error));
    });
  };

  private async answer(request: IncomingMessage, response: ServerResponse, left: AbortSignal): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /health':
      case 'GET /v1/health':
        tell(response, { status: 'ok' });
        return;
      case 'GET /props':
        tell(response, this.properties());
        return;
      case 'GET /models':
      case 'GET /v1/models':
        tell(response, {
          object: 'list',
          data: (await this.models(left)).map((each) => this.described(each)),
        });
        return;
      case 'GET /slots':
        tell(response, this.slots(url.searchParams.get('model')));
        return;
      case 'POST /models/load':
        return this.load(readModelName(await readBody(request)), response, left);
      case 'POST /models/unload':
        return this.unload(readModelName(await readBody(request)), response, left);
      case 'POST /v1/chat/completions':
      case 'POST /chat/completions':
        return this.generate(readChat(await readBody(request)), chatWriter, response, left);
      case 'POST /v1/completions':
      case 'POST /completions':
        return this.generate(readCompletion(await readBody(request)), completionWriter, response, left);
      case 'POST /v1/embeddings':
      case 'POST /embeddings':
        return this.embed(readEmbedding(await readBody(request)), response, left);
      default:
        throw new LmError('not_found', `The embedded llama.cpp has no ${request.method} ${url.pathname}.`);
    }
  }

  private async models(signal: AbortSignal): Promise<readonly Model[]> {
    return this.deps.llm.list(signal);
  }

  private described({ reference: { name }, sizeBytes, quantisation, load }: Model): Record<string, unknown> {
    const loading = load.state === 'loading' || (this.loading.has(name) && load.state !== 'loaded');
    const failed = load.state === 'failed' && !loading;
    return {
      id: name,
      object: 'model',
      owned_by: 'llamacpp',
      created: 0,
      status: {
        value: loading ? 'loading' : load.state === 'loaded' ? 'loaded' : 'unloaded',
        ...(failed ? { failed: true, exit_code: 1, message: load.error?.message } : {}),
      },
      meta: {
        size: sizeBytes,
        ftype: quantisation,
        ...(load.state === 'loaded' ? { n_ctx: load.contextSize } : {}),
      },
    };
  }

  private properties(): Record<string, unknown> {
    const running = this.deps.llm.running();
    return {
      build_info: running?.release ?? unknownRelease,
      total_slots: 1,
      model_path: running?.name ?? null,
      default_generation_settings: { n_ctx: running?.contextSize ?? null },
    };
  }

  private slots(name: string | null): readonly Record<string, unknown>[] {
    const running = this.deps.llm.running();
    if (!running || (name !== null && name !== running.name)) return [];
    return [{ id: 0, n_ctx: running.contextSize, is_processing: running.answering > 0 }];
  }

  /** Answers when loading has begun; how it ended is in the list of models. */
  private async load(name: string, response: ServerResponse, signal: AbortSignal): Promise<void> {
    await this.require(name, signal);
    this.loading.add(name);
    // Whoever asked need not wait for it.
    void this.deps.llm
      .load(name, new AbortController().signal)
      .catch(() => undefined)
      .finally(() => {
        this.loading.delete(name);
        this.deps.onModelUsed();
      });
    this.deps.onModelUsed();
    tell(response, { success: true });
  }

  private async unload(name: string, response: ServerResponse, signal: AbortSignal): Promise<void> {
    await this.require(name, signal);
    await this.deps.llm.unload(name, signal);
    this.deps.onModelUsed();
    tell(response, { success: true });
  }

  private async require(name: string, signal: AbortSignal): Promise<void> {
    const models = await this.models(signal);
    if (models.some(({ reference }) => reference.name === name)) return;
    throw new LmError('model_not_found', `model '${name}' not found`);
  }

  private async embed(
    question: EmbeddingQuestion,
    response: ServerResponse,
    left: AbortSignal,
  ): Promise<void> {
    await this.require(question.model, left);
    this.deps.onModelUsed();
    try {
      const embeddings = await this.deps.llm.embed(question.model, question.inputs, left);
      tell(response, embeddingAnswer(question, embeddings));
    } finally {
      this.deps.onModelUsed();
    }
  }

  private async generate(
    question: Question,
    makeWriter: (facts: AnswerFacts) => AnswerWriter,
    response: ServerResponse,
    left: AbortSignal,
  ): Promise<void> {
    const { model, stream, includeUsage } = question;
    // Looks at the files before a model that is there is unloaded for one that is not.
    await this.require(model, left);
    this.deps.onModelUsed();
    const events = this.deps.llm.generate(model, question.order, left);
    try {
      // A refusal comes with a status of its own, so nothing is sent before there is an answer.
      let next = await events.next();
      const writer = makeWriter({
        model,
        release: this.deps.llm.running()?.release ?? unknownRelease,
        createdS: Math.floor(Date.now() / 1000),
        includeUsage,
      });
      this.deps.onModelUsed();
      if (stream) {
        await sendStream(events, next, writer, response, left);
        return;
      }
      for (; !next.done; next = await events.next()) writer.piece(next.value);
      tell(response, writer.whole());
    } finally {
      await events.return();
      this.deps.onModelUsed();
    }
  }
}

async function sendStream(
  events: AsyncGenerator<GenerationEvent, void, undefined>,
  first: IteratorResult<GenerationEvent, void>,
  writer: AnswerWriter,
  response: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  const send = async (text: string) => {
    if (!response.write(text)) await once(response, 'drain', { signal: left });
  };
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  await send(writer.begin().map(eventOf).join(''));
  try {
    for (let next = first; !next.done; next = await events.next()) {
      await send(writer.piece(next.value).map(eventOf).join(''));
    }
    response.end('data: [DONE]\n\n');
  } catch (error) {
    if (!left.aborted) response.end(eventOf(refusalOf(error).body));
  }
}

function eventOf(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function tell(response: ServerResponse, body: object, status = 200): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    })
    .end(text);
}

function refuse(response: ServerResponse, { status, body }: Refusal): void {
  if (response.headersSent) response.destroy();
  else tell(response, body, status);
}

/** @throws LmError `too_large`, or `invalid_input` for what is no JSON. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) continue;
    bytes += piece.length;
    if (bytes > maxBodyBytes) {
      throw new LmError('too_large', `The request has more than ${maxBodyBytes} bytes.`);
    }
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw new LmError('invalid_input', 'The request is no JSON.', { cause: error });
  }
}
