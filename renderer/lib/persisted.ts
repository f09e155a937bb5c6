import type { z } from 'zod';

/**
 * A small value the page keeps for its next start. What cannot be read or no longer fits the schema counts as
 * not there: the look of the window is not worth an error.
 */
export interface Persisted<T> {
  read(): T | null;
  write(value: T): void;
}

export function persisted<T>(
  key: string,
  schema: z.ZodType<T>,
  storage: Pick<Storage, 'getItem' | 'setItem'> | null = pageStorage(),
): Persisted<T> {
  return {
    read: () => {
      const text = readItem(storage, key);
      if (text === null) return null;
      const parsed = schema.safeParse(parseJson(text));
      return parsed.success ? parsed.data : null;
    },
    write: (value) => {
      try {
        storage?.setItem(key, JSON.stringify(value));
      } catch {
        // Full or forbidden storage: the layout is then the default one at the next start.
      }
    },
  };
}

/** Null where the browser forbids storage; there even reading the property throws. */
function pageStorage(): Storage | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

function readItem(storage: Pick<Storage, 'getItem'> | null, key: string): string | null {
  try {
    return storage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
