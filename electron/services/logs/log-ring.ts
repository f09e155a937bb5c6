import type { LogLine } from '../../contract';

/** Text of all lines together that the ring keeps; a line may have 16 KiB, so the number of lines is no bound. */
export const maxLogCharacters = 16 * 1024 * 1024;

/** The newest log lines, bounded in number and size, numbered without end. */
export class LogRing {
  private lines: LogLine[] = [];
  private characters = 0;
  private nextSequence = 0;

  constructor(
    private readonly maxLines: number,
    private readonly maxCharacters: number = maxLogCharacters,
  ) {}

  push(added: readonly Omit<LogLine, 'sequence'>[]): void {
    for (const line of added) {
      this.lines.push({ ...line, sequence: this.nextSequence });
      this.nextSequence += 1;
      this.characters += line.text.length;
    }
    let dropped = 0;
    while (this.lines.length - dropped > this.maxLines || this.characters > this.maxCharacters) {
      this.characters -= this.lines[dropped]?.text.length ?? 0;
      dropped += 1;
    }
    if (dropped > 0) this.lines = this.lines.slice(dropped);
  }

  /** Lines whose number is `sequence` or higher, oldest first: at most these many and, after the first, this long. */
  from(sequence: number, limit: { readonly lines: number; readonly characters: number }): LogLine[] {
    const start = Math.max(0, sequence - (this.lines[0]?.sequence ?? this.nextSequence));
    let end = start;
    let characters = 0;
    while (end < this.lines.length && end - start < limit.lines) {
      characters += this.lines[end]?.text.length ?? 0;
      if (characters > limit.characters && end > start) break;
      end += 1;
    }
    return this.lines.slice(start, end);
  }

  /** Number that the next line gets. */
  get end(): number {
    return this.nextSequence;
  }

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  clear(): void {
    this.lines = [];
    this.characters = 0;
  }
}
