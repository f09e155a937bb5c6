import { describe, expect, it } from 'vitest';
import {
  checkReport,
  describeTroubles,
  readJunitReport,
  readPlaywrightReport,
  readVitestReport,
  sum,
} from './outcomes.mjs';

describe('the outcomes of tests', () => {
  it('are read from Vitest, with the reason of a skip and what failed outside of tests', () => {
    const report = {
      tests: [
        { title: 'a.test.ts › works', state: 'passed' },
        { title: 'a.test.ts › waits', state: 'skipped', reason: 'no engine' },
      ],
      errors: [{ title: 'b.test.ts', reason: 'cannot be imported' }],
    };
    expect(readVitestReport('unit', report)).toEqual([
      { suite: 'unit', title: 'a.test.ts › works', state: 'passed' },
      { suite: 'unit', title: 'a.test.ts › waits', state: 'skipped', reason: 'no engine' },
      { suite: 'unit', title: 'b.test.ts', state: 'failed', reason: 'cannot be imported' },
    ]);
  });

  it('are read from Playwright, where a flaky test has failed and an unreached one names why', () => {
    const spec = (title: string, test: object) => ({
      title,
      tests: [{ annotations: [], results: [], ...test }],
    });
    const report = {
      suites: [
        {
          title: 'chat.spec.ts',
          specs: [spec('streams', { status: 'expected', projectName: 'browser' })],
          suites: [
            {
              title: 'with a GPU',
              specs: [
                spec('shows it', {
                  status: 'skipped',
                  annotations: [{ type: 'skip', description: 'only root starts engines' }],
                }),
                spec('comes after a failure', { status: 'skipped' }),
                spec('wavers', {
                  status: 'flaky',
                  results: [{ errors: [{ message: '\u001b[31mlate\u001b[39m' }] }],
                }),
                spec('hangs', { status: 'unexpected', results: [{ status: 'timedOut' }] }),
              ],
            },
          ],
        },
      ],
      errors: [{ message: 'no configuration' }],
    };
    expect(readPlaywrightReport('e2e', report)).toEqual([
      {
        suite: 'e2e',
        title: 'chat.spec.ts › with a GPU › shows it',
        state: 'skipped',
        reason: 'only root starts engines',
      },
      {
        suite: 'e2e',
        title: 'chat.spec.ts › with a GPU › comes after a failure',
        state: 'skipped',
        reason: 'not run, because an earlier test of its group failed',
      },
      {
        suite: 'e2e',
        title: 'chat.spec.ts › with a GPU › wavers',
        state: 'failed',
        reason: 'passed only when tried again: late',
      },
      {
        suite: 'e2e',
        title: 'chat.spec.ts › with a GPU › hangs',
        state: 'failed',
        reason: 'ended as timedOut',
      },
      { suite: 'e2e', title: 'browser › chat.spec.ts › streams', state: 'passed' },
      { suite: 'e2e', title: 'the run itself', state: 'failed', reason: 'no configuration' },
    ]);
  });

  it('are read from JUnit as pytest writes it, entities and all', () => {
    const xml = `<?xml version="1.0"?><testsuites><testsuite name="pytest">
      <testcase classname="tests.test_bash" name="test_runs[a &lt; b]" time="0.1" />
      <testcase classname="tests.test_bash" name="test_skips"><skipped type="pytest.skip" message="no compiler">x</skipped></testcase>
      <testcase classname="tests.test_bash" name="test_fails"><failure message="short">assert 1 == 2
E &amp; &#x27;more&#39;</failure></testcase>
      <testcase classname="tests.test_bash" name="test_breaks"><error message="set-up" /></testcase>
    </testsuite></testsuites>`;
    expect(readJunitReport('gateway', xml)).toEqual([
      { suite: 'gateway', title: 'tests.test_bash › test_runs[a < b]', state: 'passed' },
      { suite: 'gateway', title: 'tests.test_bash › test_skips', state: 'skipped', reason: 'no compiler' },
      {
        suite: 'gateway',
        title: 'tests.test_bash › test_fails',
        state: 'failed',
        reason: "assert 1 == 2\nE & 'more'",
      },
      {
        suite: 'gateway',
        title: 'tests.test_bash › test_breaks',
        state: 'failed',
        reason: 'no reason was given',
      },
    ]);
  });

  it('fail a suite that reported nothing, and one whose program failed although no test did', () => {
    expect(checkReport('unit', [], 0)).toEqual([
      { suite: 'unit', title: 'the suite', state: 'failed', reason: 'it reported no test' },
    ]);
    const passed = { suite: 'unit', title: 'a', state: 'passed' } as const;
    expect(sum(checkReport('unit', [passed], 1)).line).toBe('1 passed, 1 failed, 0 skipped');
    expect(checkReport('unit', [passed], 0)).toEqual([passed]);
  });

  it('are shown with every failure, and with skips gathered by reason', () => {
    const lines = describeTroubles([
      { suite: 'unit', title: 'a', state: 'passed' },
      { suite: 'unit', title: 'b', state: 'failed', reason: 'expected 1\ngot 2' },
      { suite: 'e2e', title: 'c', state: 'skipped', reason: 'no root' },
      { suite: 'e2e', title: 'd', state: 'skipped', reason: 'no root' },
    ]);
    expect(lines).toEqual([
      'Failed:',
      '  ✗ unit › b',
      '      expected 1',
      '      got 2',
      'Skipped:',
      '  - no root',
      '      e2e › c',
      '      e2e › d',
    ]);
  });
});
