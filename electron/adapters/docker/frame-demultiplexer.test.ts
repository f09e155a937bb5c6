import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDemultiplexer, type FramePiece } from './frame-demultiplexer';

function frame(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint32(4, payload.length);
  bytes.set(payload, 8);
  return bytes;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...[...places].sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

function bytesOf(pieces: readonly FramePiece[], source: FramePiece['source']): number[] {
  return pieces.filter((piece) => piece.source === source).flatMap((piece) => [...piece.bytes]);
}

describe('FrameDemultiplexer', () => {
  it('gives each source its bytes in order, wherever the stream is cut', () => {
    const framesArbitrary = fc.array(
      fc.record({ type: fc.constantFrom(1, 2), payload: fc.uint8Array({ minLength: 0, maxLength: 40 }) }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(framesArbitrary, fc.array(fc.nat(400), { maxLength: 30 }), (frames, places) => {
        const stream = Buffer.concat(frames.map(({ type, payload }) => frame(type, payload)));
        const demultiplexer = new FrameDemultiplexer();
        const pieces = cut(
          stream,
          places.map((place) => Math.min(place, stream.length)),
        ).flatMap((chunk) => demultiplexer.push(chunk));
        for (const [type, source] of [
          [1, 'stdout'],
          [2, 'stderr'],
        ] as const) {
          const expected = frames.filter((each) => each.type === type).flatMap((each) => [...each.payload]);
          expect(bytesOf(pieces, source)).toEqual(expected);
        }
        const withPayload = frames.filter((each) => each.payload.length > 0).length;
        expect(pieces.filter((piece) => piece.startsFrame)).toHaveLength(withPayload);
        expect(pieces.filter((piece) => piece.endsFrame)).toHaveLength(withPayload);
      }),
    );
  });

  it('refuses a stream that is not multiplexed instead of reading gigabytes of it as one frame', () => {
    expect(() => new FrameDemultiplexer().push(Buffer.from('plain text of a terminal'))).toThrow(
      /out of step/,
    );
  });
});
