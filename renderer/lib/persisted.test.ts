import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { persisted } from './persisted';

const schema = z.object({ width: z.number() });

class MemoryStorage {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

describe('persisted', () => {
  it('gives back what was written', () => {
    const storage = new MemoryStorage();
    persisted('layout', schema, storage).write({ width: 3 });
    expect(persisted('layout', schema, storage).read()).toEqual({ width: 3 });
  });

  it.each(['{"width":', '{"width":"wide"}', 'null', ''])('takes the corrupt value %j as absent', (text) => {
    const storage = new MemoryStorage();
    storage.setItem('layout', text);
    expect(persisted('layout', schema, storage).read()).toBeNull();
  });

  it('goes on without a storage, and with one that refuses', () => {
    const refusing = {
      getItem: () => {
        throw new Error('denied');
      },
      setItem: () => {
        throw new Error('quota');
      },
    };
    for (const storage of [null, refusing]) {
      const value = persisted('layout', schema, storage);
      expect(() => value.write({ width: 1 })).not.toThrow();
      expect(value.read()).toBeNull();
    }
  });
});
