import { describe, expect, it } from 'vitest';
import type { BuildState, EngineState, SandboxStatus } from '../../../electron/contract';
import {
  absentSandbox,
  connectedEngine,
  containerFacts,
  failedBuild,
  healthySandbox,
  noGpuToolkit,
  runningBuild,
  unavailableEngine,
} from '../../client/host-fixtures';
import { needsSetup, setupProgress } from './setup-progress';

const searching: EngineState = { state: 'searching', revision: 1 };
const missingImage = { state: 'missing', reference: 'lm-docker' } as const;
const unknown = absentSandbox({ phase: 'unknown', image: { state: 'unknown' } });
const foreign = absentSandbox({ phase: 'foreign', container: containerFacts({ managed: false }) });

type Row = readonly [
  name: string,
  engine: EngineState | null,
  sandbox: SandboxStatus | null,
  build: BuildState | null,
  steps: string,
];

const rows: readonly Row[] = [
  ['nothing is known yet', null, null, null, 'current waiting waiting'],
  ['the engine is looked for', searching, unknown, null, 'current waiting waiting'],
  ['there is no engine', unavailableEngine(), unknown, null, 'failed waiting waiting'],
  [
    'the image is missing',
    connectedEngine(),
    absentSandbox({ image: missingImage }),
    null,
    'done current waiting',
  ],
  [
    'the image is built',
    connectedEngine(),
    absentSandbox({ image: missingImage }),
    runningBuild(),
    'done current waiting',
  ],
  [
    'the build failed',
    connectedEngine(),
    absentSandbox({ image: missingImage }),
    failedBuild(),
    'done failed waiting',
  ],
  [
    'an image is built again over a good one',
    connectedEngine(),
    absentSandbox(),
    runningBuild(),
    'done current waiting',
  ],
  ['the container is missing', connectedEngine(), absentSandbox(), null, 'done done current'],
  ['the name is taken', connectedEngine(), foreign, null, 'done done current'],
  [
    'the name is taken and the image is missing',
    connectedEngine(),
    { ...foreign, image: missingImage },
    null,
    'done current waiting',
  ],
  ['creating failed', connectedEngine(), absentSandbox({ error: noGpuToolkit }), null, 'done done failed'],
  [
    'the container starts',
    connectedEngine(),
    healthySandbox({ phase: 'starting' }),
    null,
    'done done current',
  ],
  [
    'a container is there without its image',
    connectedEngine(),
    healthySandbox({ phase: 'stopped', image: missingImage }),
    null,
    'done done current',
  ],
  ['all is well', connectedEngine(), healthySandbox(), null, 'done done done'],
];

describe('the steps of the set-up', () => {
  it.each(rows)('when %s', (_, engine, sandbox, build, steps) => {
    const progress = setupProgress(engine, sandbox, build);
    expect(`${progress.steps.engine} ${progress.steps.image} ${progress.steps.container}`).toBe(steps);
    expect(progress.finished).toBe(steps === 'done done done');
  });

  it('is needed without an engine or without a container of ours, and not for a stopped one', () => {
    expect(needsSetup(unavailableEngine(), unknown)).toBe(true);
    expect(needsSetup(connectedEngine(), absentSandbox())).toBe(true);
    expect(needsSetup(connectedEngine(), foreign)).toBe(true);
    expect(needsSetup(connectedEngine(), healthySandbox({ phase: 'stopped' }))).toBe(false);
    expect(needsSetup(searching, unknown)).toBe(false);
    expect(needsSetup(null, null)).toBe(false);
  });
});
