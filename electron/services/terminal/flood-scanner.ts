/**
 * Reads a terminal's byte stream just far enough to know, for each place in it, whether everything before was
 * "plain": printable text, tab, carriage return, line feed and SGR colours. Only such text may be left out when it
 * has already scrolled away (see flood-backlog.ts); any other control leaves the run.
 *
 * The states follow the parser by Paul Williams (https://vt100.net/emu/dec_ansi_parser) as xterm.js implements it.
 */

const enum State {
  Ground,
  Escape,
  EscapeIntermediate,
  Csi,
  /** OSC, DCS, SOS, PM and APC: all end at ST, CAN, SUB (OSC also at BEL). */
  ControlString,
  ControlStringEscape,
}

const escapeByte = 0x1b;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const tab = 0x09;
/** UTF-8 lead byte of U+0080–U+00BF, where the C1 controls lie. */
const c1Lead = 0xc2;

/** Line break after which the run may be cut: byte offset just behind `\r\n` in the whole stream. */
export interface ScanListener {
  lineBreak(offset: number): void;
  /** A control that is not plain ended at `offset`: nothing before it may be left out. */
  barrier(offset: number): void;
}

export class FloodScanner {
  private state = State.Ground;
  private offset = 0;
  private previous = 0;
  private csiPlain = true;
  private controlStringIsOsc = false;

  constructor(private readonly listener: ScanListener) {}

  scan(bytes: Uint8Array): void {
    const length = bytes.length;
    const base = this.offset;
    const listener = this.listener;
    let index = 0;
    let previous = this.previous;
    while (index < length) {
      const byte = bytes[index] as number;
      if (this.state === State.Ground) {
        if (byte >= 0x20 && byte !== 0x7f && previous !== c1Lead) {
          previous = byte;
          index += 1;
          continue;
        }
        if (byte === lineFeed) {
          if (previous === carriageReturn) listener.lineBreak(base + index + 1);
        } else if (byte === escapeByte) {
          this.state = State.Escape;
        } else if (previous === c1Lead) {
          // A C1 control in UTF-8 may open a sequence; rather than follow it, give the run up.
          if (byte >= 0x80 && byte <= 0x9f) listener.barrier(base + index + 1);
        } else if (byte !== carriageReturn && byte !== tab) {
          listener.barrier(base + index + 1);
        }
        previous = byte;
        index += 1;
        continue;
      }
      this.control(byte, base + index);
      previous = byte;
      index += 1;
    }
    this.previous = previous;
    this.offset = base + length;
  }

  private control(byte: number, at: number): void {
    switch (this.state) {
      case State.Escape:
        this.afterEscape(byte, at);
        break;
      case State.EscapeIntermediate:
        if (byte === escapeByte) this.state = State.Escape;
        else if (byte >= 0x30 || byte === 0x18 || byte === 0x1a) {
          this.state = State.Ground;
          this.listener.barrier(at + 1);
        }
        break;
      case State.Csi:
        this.inCsi(byte, at);
        break;
      case State.ControlString:
        if (byte === escapeByte) this.state = State.ControlStringEscape;
        else if (
          byte === 0x18 ||
          byte === 0x1a ||
          byte === 0x9c ||
          (byte === 0x07 && this.controlStringIsOsc)
        ) {
          this.state = State.Ground;
          this.listener.barrier(at + 1);
        }
        break;
      case State.ControlStringEscape:
        // ESC ends the string whatever follows; a backslash completes ST, anything else begins a new sequence.
        this.listener.barrier(at + 1);
        this.state = State.Escape;
        this.afterEscape(byte, at);
        break;
      case State.Ground:
        break;
    }
  }

  private afterEscape(byte: number, at: number): void {
    if (byte === 0x5b) {
      this.state = State.Csi;
      this.csiPlain = true;
      return;
    }
    if (byte === 0x5d || byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f) {
      this.state = State.ControlString;
      this.controlStringIsOsc = byte === 0x5d;
      this.listener.barrier(at + 1);
      return;
    }
    if (byte === escapeByte) return;
    if (byte < 0x20) {
      this.listener.barrier(at + 1);
      if (byte === 0x18 || byte === 0x1a) this.state = State.Ground;
      return;
    }
    this.listener.barrier(at + 1);
    this.state = byte < 0x30 ? State.EscapeIntermediate : State.Ground;
  }

  private inCsi(byte: number, at: number): void {
    if (byte >= 0x40 && byte <= 0x7e) {
      this.state = State.Ground;
      if (byte !== 0x6d || !this.csiPlain) this.listener.barrier(at + 1);
      return;
    }
    if (byte >= 0x30 && byte <= 0x3b) return;
    if (byte === escapeByte) {
      this.listener.barrier(at + 1);
      this.state = State.Escape;
      return;
    }
    if (byte === 0x18 || byte === 0x1a) {
      this.listener.barrier(at + 1);
      this.state = State.Ground;
      return;
    }
    // Private markers, intermediates, controls inside the sequence, bytes above ASCII: not a plain SGR.
    this.csiPlain = false;
    this.listener.barrier(at + 1);
  }
}
