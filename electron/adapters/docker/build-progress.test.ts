import { describe, expect, it } from 'vitest';
import { createBuildProgressReader } from './build-progress';

const readAll = (messages: readonly object[]) => {
  const reader = createBuildProgressReader();
  return [...messages.flatMap((message) => reader.read(message)), ...reader.end()];
};

describe('the progress of a build', () => {
  it("reads steps, cache hits and output of Docker's classic builder", () => {
    expect(
      readAll([
        { stream: 'Step 1/3 : FROM base' },
        { stream: '\n' },
        { stream: ' ---> 0123456789ab\n' },
        { stream: 'Step 2/3 : RUN make' },
        { stream: '\n' },
        { stream: ' ---> Using cache\n' },
        { stream: 'Step 3/3 : RUN test\n' },
        { stream: 'half a ' },
        { stream: 'line\nnext\n' },
        { aux: { ID: 'sha256:abc' } },
      ]),
    ).toEqual([
      { kind: 'step', index: 1, total: 3, name: 'FROM base' },
      { kind: 'log', text: 'Step 1/3 : FROM base' },
      { kind: 'log', text: ' ---> 0123456789ab' },
      { kind: 'step', index: 2, total: 3, name: 'RUN make' },
      { kind: 'log', text: 'Step 2/3 : RUN make' },
      { kind: 'cached' },
      { kind: 'log', text: ' ---> Using cache' },
      { kind: 'step', index: 3, total: 3, name: 'RUN test' },
      { kind: 'log', text: 'Step 3/3 : RUN test' },
      { kind: 'log', text: 'half a line' },
      { kind: 'log', text: 'next' },
    ]);
  });

  it('counts steps on when Podman starts anew in each stage', () => {
    const steps = readAll([
      { stream: '[1/2] STEP 1/2: FROM a AS one\n' },
      { stream: '[1/2] STEP 2/2: RUN x\n' },
      { stream: '--> Using cache 99\n' },
      { stream: '[2/2] STEP 1/1: FROM one\n' },
    ]).filter((event) => event.kind !== 'log');
    expect(steps).toEqual([
      { kind: 'step', index: 1, total: null, name: 'FROM a AS one' },
      { kind: 'step', index: 2, total: null, name: 'RUN x' },
      { kind: 'cached' },
      { kind: 'step', index: 3, total: null, name: 'FROM one' },
    ]);
  });

  it('reports the bytes of layers, and not every state of every layer as a line', () => {
    expect(
      readAll([
        { status: 'Pulling from library/ubuntu', id: '24.04' },
        { status: 'Pulling fs layer', progressDetail: {}, id: 'a1' },
        { status: 'Downloading', progressDetail: { current: 10, total: 100 }, id: 'a1' },
        { status: 'Downloading', progressDetail: { current: 100, total: 100 }, id: 'a1' },
        { status: 'Pull complete', progressDetail: {}, id: 'a1' },
        { status: 'Digest: sha256:1' },
      ]),
    ).toEqual([
      { kind: 'log', text: 'Pulling from library/ubuntu' },
      { kind: 'layer', id: 'a1', completedBytes: 10, totalBytes: 100 },
      { kind: 'layer', id: 'a1', completedBytes: 100, totalBytes: 100 },
      { kind: 'log', text: 'Digest: sha256:1' },
    ]);
  });

  it('keeps the last drawing of a line that is redrawn', () => {
    expect(readAll([{ stream: '10%\r50%\r100%\n' }])).toEqual([{ kind: 'log', text: '100%' }]);
  });

  it('does not take a step in the middle of an unended line for output', () => {
    const events = readAll([{ stream: 'no line end' }, { stream: 'Step 2/2 : RUN x\n' }]);
    expect(events.map((event) => event.kind)).toEqual(['log', 'step', 'log']);
  });

  it('does not collect output that never ends its line', () => {
    const reader = createBuildProgressReader();
    let longest = 0;
    for (let i = 0; i < 100; i += 1) {
      for (const event of reader.read({ stream: 'x'.repeat(1_000) })) {
        if (event.kind === 'log') longest = Math.max(longest, event.text.length);
      }
    }
    expect(longest).toBe(4_000);
    expect(reader.end().length).toBeLessThanOrEqual(1);
  });
});
