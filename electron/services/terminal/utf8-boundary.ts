/**
 * Length of the part of `bytes` that does not end inside a UTF-8 character. Bytes that can begin no character
 * count as complete: what they become is the reader's affair.
 *
 * Pieces given to xterm.js end at such places, because its decoder (6.0.0) drops a character now and then that was
 * split over two writes: U+200D cut behind its second byte is lost, so that a joined emoji falls apart.
 */
export function completeUtf8Length(bytes: Uint8Array): number {
  const length = bytes.byteLength;
  for (let back = 1; back <= 3 && back <= length; back += 1) {
    const byte = bytes[length - back] as number;
    if (byte < 0x80) return length;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? length - back : length;
  }
  return length;
}
