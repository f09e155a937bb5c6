/** A frame of a page; more messages would only cost both processes time that the model could have. */
const gatherMs = 16;

type Kind = 'content' | 'thinking';

/** Gathers pieces of an answer into messages; the first one goes at once. */
export class TextGatherer {
  private kind: Kind = 'content';
  private text = '';
  private lastAtMs = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly send: (kind: Kind, text: string) => void) {}

  add(kind: Kind, text: string): void {
    if (kind !== this.kind) this.flush();
    this.kind = kind;
    this.text += text;
    const waitMs = this.lastAtMs + gatherMs - performance.now();
    if (waitMs <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), waitMs);
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.text === '') return;
    const { text } = this;
    this.text = '';
    this.lastAtMs = performance.now();
    this.send(this.kind, text);
  }
}
