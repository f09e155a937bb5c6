import type { FromChild } from '../protocol';

type Finish = Extract<FromChild, { type: 'finish' }>;

export interface AnswerMeterDeps {
  readonly nowMs: () => number;
  /** Tokens that the model has written since it was loaded. */
  readonly writtenTokens: () => number;
}

/** The tokens of one answer and their time, from the question to the last one. */
export class AnswerMeter {
  private readonly askedAtMs: number;
  private writtenBefore = 0;
  private first: { readonly atMs: number; readonly written: number } | null = null;
  private lastAtMs = 0;
  private textTokens = 0;
  private called = false;

  constructor(private readonly deps: AnswerMeterDeps) {
    this.askedAtMs = deps.nowMs();
  }

  /** The prompt was read. */
  begin(): void {
    this.writtenBefore = this.deps.writtenTokens();
  }

  text(tokens: number): void {
    this.heard();
    this.textTokens += tokens;
  }

  /** A piece of a call, or a whole one. Calls are no text: their tokens are among those written only. */
  call(): void {
    this.heard();
    this.called = true;
  }

  end(): Pick<Finish, 'answerTokens' | 'answerMs' | 'promptMs' | 'tokensPerSecond'> {
    const written = this.deps.writtenTokens();
    const answerTokens = this.called ? written - this.writtenBefore : this.textTokens;
    const answerMs = this.first ? this.lastAtMs - this.first.atMs : 0;
    const afterFirst = this.called && this.first ? written - this.first.written : answerTokens - 1;
    return {
      answerTokens,
      answerMs,
      promptMs: Math.max(0, (this.first?.atMs ?? this.deps.nowMs()) - this.askedAtMs),
      tokensPerSecond: afterFirst > 0 && answerMs > 0 ? afterFirst / (answerMs / 1000) : null,
    };
  }

  private heard(): void {
    this.lastAtMs = this.deps.nowMs();
    this.first ??= { atMs: this.lastAtMs, written: this.deps.writtenTokens() };
  }
}
