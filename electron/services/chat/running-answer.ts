import { LmError, toLmError, type AnswerMetrics, type ChatMessage } from '../../contract';
import type { Clock } from '../foundation';
import type { ChatRequest, LlmBackend } from '../models';

/** Deltas are told at most this often, so that the cost of an answer does not grow with its token rate. */
const tellIntervalMs = 16;
const saveIntervalMs = 500;
/** An answer longer than this is ended; no frame and no page could carry it any further. */
const maxAnswerCharacters = 1_000_000;

export interface RunningAnswerDeps {
  readonly backend: LlmBackend;
  readonly request: ChatRequest;
  readonly message: ChatMessage;
  readonly clock: Clock;
  readonly onDelta: (content: string, thinking: string) => void;
  /** Called every now and then with what there is, so that a crash loses little. */
  readonly onSave: (message: ChatMessage) => void;
  readonly onEnd: (message: ChatMessage) => void;
}

/** One answer from its request to its end; it belongs to the host, not to the page that asked. */
export class RunningAnswer {
  /** Resolves after `onEnd`; never rejects. */
  readonly done: Promise<void>;
  private readonly abort = new AbortController();
  private readonly startedAtMs: number;
  private content = '';
  private thinking = '';
  private untoldContent = '';
  private untoldThinking = '';
  private lastToldMs = 0;
  private firstTokenMs: number | null = null;
  private cancelTell: (() => void) | null = null;
  private cancelSave: (() => void) | null = null;
  private ending: { readonly status: 'stopped' | 'failed'; readonly error: LmError | null } | null = null;

  constructor(private readonly deps: RunningAnswerDeps) {
    this.startedAtMs = deps.clock.nowMs();
    this.done = this.run();
  }

  get model(): string {
    return this.deps.request.model;
  }

  get backend(): LlmBackend {
    return this.deps.backend;
  }

  /** The message with everything received so far; call `tellNow` first where nothing may be told twice. */
  current(): ChatMessage {
    return { ...this.deps.message, content: this.content, thinking: this.thinking };
  }

  tellNow(): void {
    this.cancelTell?.();
    this.cancelTell = null;
    if (this.untoldContent === '' && this.untoldThinking === '') return;
    const content = this.untoldContent;
    const thinking = this.untoldThinking;
    this.untoldContent = '';
    this.untoldThinking = '';
    this.lastToldMs = this.deps.clock.nowMs();
    this.deps.onDelta(content, thinking);
  }

  /** Ends it by the person's wish; what was written stays. */
  stop(): Promise<void> {
    return this.endAs('stopped', null);
  }

  /** Ends it because its ground was taken away, such as the container. */
  fail(error: LmError): Promise<void> {
    return this.endAs('failed', error);
  }

  private endAs(status: 'stopped' | 'failed', error: LmError | null): Promise<void> {
    this.ending ??= { status, error };
    this.abort.abort();
    return this.done;
  }

  private async run(): Promise<void> {
    // One turn later, so that whoever started it has put it where its events look for it.
    await Promise.resolve();
    const message = await this.receive();
    this.tellNow();
    this.cancelSave?.();
    this.cancelSave = null;
    this.deps.onEnd(message);
  }

  private async receive(): Promise<ChatMessage> {
    try {
      for await (const event of this.deps.backend.chat(this.deps.request, this.abort.signal)) {
        if (event.kind === 'call') throw calledTool({ tool: event.call.name });
        if (event.kind === 'finish') {
          if (event.reason === 'calls') throw calledTool();
          return this.ended('complete', null, { ...event.metrics, finishReason: event.reason });
        }
        this.take(event.kind, event.text);
        if (this.content.length + this.thinking.length > maxAnswerCharacters) {
          this.abort.abort();
          return this.ended('complete', null, { ...unmeasured, finishReason: 'length' });
        }
      }
      throw new LmError('generation_failed', 'The answer ended without an end.', { retryable: true });
    } catch (thrown) {
      if (this.ending?.status === 'stopped') {
        return this.ended('stopped', null, { ...unmeasured, finishReason: 'stopped' });
      }
      const error = this.ending?.error ?? toLmError(thrown);
      return this.ended('failed', error, { ...unmeasured, finishReason: 'error' });
    }
  }

  private take(kind: 'content' | 'thinking', text: string): void {
    const nowMs = this.deps.clock.nowMs();
    this.firstTokenMs ??= nowMs;
    if (kind === 'content') {
      this.content += text;
      this.untoldContent += text;
    } else {
      this.thinking += text;
      this.untoldThinking += text;
    }
    this.cancelSave ??= this.deps.clock.after(saveIntervalMs, () => {
      this.cancelSave = null;
      this.deps.onSave(this.current());
    });
    const waitMs = this.lastToldMs + tellIntervalMs - nowMs;
    if (waitMs <= 0 && !this.cancelTell) this.tellNow();
    else this.cancelTell ??= this.deps.clock.after(Math.max(1, waitMs), () => this.tellNow());
  }

  private ended(
    status: ChatMessage['status'],
    error: LmError | null,
    measured: Pick<AnswerMetrics, 'promptTokens' | 'answerTokens' | 'tokensPerSecond' | 'finishReason'>,
  ): ChatMessage {
    const nowMs = this.deps.clock.nowMs();
    return {
      ...this.current(),
      status,
      error: error?.data ?? null,
      metrics: {
        ...measured,
        timeToFirstTokenMs: this.firstTokenMs === null ? null : this.firstTokenMs - this.startedAtMs,
        durationMs: nowMs - this.startedAtMs,
      },
    };
  }
}

/** A conversation offers no tools, and runs nothing. */
function calledTool(details: { readonly tool?: string } = {}): LmError {
  return new LmError('generation_failed', 'The model called a tool, but conversations offer it none.', {
    details,
    retryable: true,
  });
}

const unmeasured = { promptTokens: null, answerTokens: null, tokensPerSecond: null };
