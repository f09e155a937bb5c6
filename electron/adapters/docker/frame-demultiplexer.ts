import type { OutputSource } from '../../services/logs/ports';

/** A piece of one frame's payload, in order; a frame comes in one or more pieces. */
export interface FramePiece {
  readonly source: OutputSource;
  readonly bytes: Uint8Array;
  readonly startsFrame: boolean;
  readonly endsFrame: boolean;
}

const headerBytes = 8;
const stderrType = 2;
const largestType = 2;

/**
 * Takes apart the Engine API's multiplexed stream: `[type, 0, 0, 0, length (uint32, big endian)]`, then the
 * payload. Chunks may be cut anywhere, also inside a header. Holds at most 7 bytes between calls.
 * Source: Engine API reference, "Attach to a container", stream format.
 */
export class FrameDemultiplexer {
  private readonly header = new Uint8Array(headerBytes);
  private headerLength = 0;
  private payloadLeft = 0;
  private startsFrame = false;
  private source: OutputSource = 'stdout';

  /** @throws Error when a header is none: the stream is not multiplexed, or it is out of step. */
  push(chunk: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.payloadLeft === 0) {
        const wanted = Math.min(headerBytes - this.headerLength, chunk.length - offset);
        this.header.set(chunk.subarray(offset, offset + wanted), this.headerLength);
        this.headerLength += wanted;
        offset += wanted;
        if (this.headerLength === headerBytes) this.beginFrame();
        continue;
      }
      const length = Math.min(this.payloadLeft, chunk.length - offset);
      this.payloadLeft -= length;
      pieces.push({
        source: this.source,
        bytes: chunk.subarray(offset, offset + length),
        startsFrame: this.startsFrame,
        endsFrame: this.payloadLeft === 0,
      });
      this.startsFrame = false;
      offset += length;
    }
    return pieces;
  }

  private beginFrame(): void {
    const type = this.header[0] ?? 0;
    if (type > largestType || this.header[1] !== 0 || this.header[2] !== 0 || this.header[3] !== 0) {
      throw new Error(
        `The engine's output stream is out of step: a frame begins with ${[...this.header].join(' ')}.`,
      );
    }
    this.payloadLeft = new DataView(this.header.buffer).getUint32(4);
    this.headerLength = 0;
    this.startsFrame = true;
    this.source = type === stderrType ? 'stderr' : 'stdout';
  }
}
