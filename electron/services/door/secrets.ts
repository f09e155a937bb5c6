import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const secretBytes = 32;

/** 256 random bits as text that fits a URL, a cookie and a file name. */
export function newSecret(): string {
  return randomBytes(secretBytes).toString('base64url');
}

/** In hex. Secrets are random, so a plain hash cannot be searched back. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * The entry whose hash is that of `secret`. All entries are compared, each in constant time, so that neither a
 * near miss nor the place of a hit can be told from the time it took.
 */
export function findBySecret<T>(
  entries: Iterable<T>,
  hashOf: (entry: T) => string,
  secret: string,
): T | null {
  const wanted = createHash('sha256').update(secret).digest();
  let found: T | null = null;
  for (const entry of entries) {
    const known = Buffer.from(hashOf(entry), 'hex');
    if (known.byteLength === wanted.byteLength && timingSafeEqual(known, wanted)) found = entry;
  }
  return found;
}
