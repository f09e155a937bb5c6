/** What every transport keeps of its two listeners: frames that came early, and whether it has ended. */
export class Inbox {
  private listener: ((frame: unknown) => void) | null = null;
  private readonly early: unknown[] = [];
  private readonly closeListeners: (() => void)[] = [];
  private ended = false;

  get closed(): boolean {
    return this.ended;
  }

  deliver(frame: unknown): void {
    if (this.listener) this.listener(frame);
    else this.early.push(frame);
  }

  onFrame(listener: (frame: unknown) => void): void {
    this.listener = listener;
    for (const frame of this.early.splice(0)) listener(frame);
  }

  onClose(listener: () => void): void {
    if (this.ended) listener();
    else this.closeListeners.push(listener);
  }

  /** Tells the close listeners, once. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const listener of this.closeListeners.splice(0)) listener();
  }
}
