/** A terminal that was written to within this time is in a dialogue with a person or a program. */
const dialogueMs = 500;

/**
 * Which terminals are typed into, or answer their program's queries, just now. While one is, the floods of the others
 * are read more slowly: each byte of them costs the engine and the kernel far more than this process, and an echo
 * has to pass through the same engine.
 */
export class Dialogues {
  private readonly lastWriteMs = new Map<string, number>();

  noteWrite(terminalId: string, nowMs: number): void {
    this.lastWriteMs.set(terminalId, nowMs);
  }

  forget(terminalId: string): void {
    this.lastWriteMs.delete(terminalId);
  }

  isOtherIn(terminalId: string, nowMs: number): boolean {
    for (const [id, writeMs] of this.lastWriteMs) {
      if (id !== terminalId && nowMs - writeMs <= dialogueMs) return true;
    }
    return false;
  }
}
