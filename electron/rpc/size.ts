/** Rough cost of a chunk in bytes: exact for bytes and text (two bytes a character at most), cheap to compute. */
export function approximateSizeBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length + 2;
    case 'object':
      break;
    default:
      return 8;
  }
  if (value === null) return 4;
  if (value instanceof Uint8Array) return value.byteLength;
  let total = 2;
  if (Array.isArray(value)) {
    for (const item of value) total += approximateSizeBytes(item);
    return total;
  }
  for (const key in value)
    total += key.length + 3 + approximateSizeBytes((value as Record<string, unknown>)[key]);
  return total;
}
