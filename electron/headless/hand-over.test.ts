import { describe, expect, it } from 'vitest';
import type { HostNeed } from '../contract';
import { describeNeeds } from './hand-over';

describe('what a host is needed by', () => {
  it.each<[HostNeed[], string]>([
    [[{ kind: 'answer', count: 1 }], 'one answer'],
    [
      [
        { kind: 'terminal', count: 3 },
        { kind: 'image-build', count: 1 },
      ],
      '3 terminals and one image build',
    ],
    [
      [
        { kind: 'connection', count: 1 },
        { kind: 'command', count: 2 },
        { kind: 'embedded-sandbox', count: 1 },
      ],
      'one connected program, 2 commands and the embedded sandbox, which is up',
    ],
  ])('%j is said as “%s”', (needs, text) => {
    expect(describeNeeds(needs)).toBe(text);
  });
});
