/** A stopped answer must end soon, and nothing can be stopped in the middle of a piece. */
const pieceLimitMs = 50;
const firstPiece = 32;

/**
 * How many tokens of a prompt to compute at once, so that a piece takes about 50 ms: larger ones are more
 * efficient, but a stop waits for the end of the piece.
 */
export class PromptPieces {
  private size = firstPiece;

  constructor(private readonly largest: number) {}

  next(left: number): number {
    return Math.max(1, Math.min(this.size, this.largest, left));
  }

  /** Learns from a piece that was computed; at most doubles or halves, since one measurement says little. */
  took(tokens: number, durationMs: number): void {
    const fitting = (tokens / Math.max(durationMs, 0.1)) * pieceLimitMs;
    this.size = Math.max(1, Math.floor(Math.min(tokens * 2, Math.max(fitting, tokens / 2))));
  }
}
