/**
 * Outcomes of tests of all kinds, read from the reports of the programs that ran them, and their sum.
 * @module
 */

/**
 * @typedef {object} Outcome
 * @property {string} suite The step, for example `unit`.
 * @property {string} title
 * @property {'passed' | 'failed' | 'skipped'} state
 * @property {string} [reason] Why it failed or was skipped.
 */

const NO_REASON = 'no reason was given';

/**
 * @param {string} suite
 * @param {any} report What scripts/lib/vitest-reporter.mjs wrote.
 * @returns {Outcome[]}
 */
export function readVitestReport(suite, report) {
  /** @type {Outcome[]} */
  const outcomes = report.tests.map((/** @type {any} */ test) => ({
    suite,
    title: test.title,
    state: test.state,
    ...(test.state === 'passed' ? {} : { reason: test.reason ?? NO_REASON }),
  }));
  for (const error of report.errors)
    outcomes.push({ suite, title: error.title, state: 'failed', reason: error.reason });
  return outcomes;
}

/**
 * @param {string} suite
 * @param {any} report What Playwright's JSON reporter wrote.
 * @returns {Outcome[]}
 */
export function readPlaywrightReport(suite, report) {
  /** @type {Outcome[]} */
  const outcomes = [];
  const visit = (/** @type {any} */ group, /** @type {string[]} */ path) => {
    for (const inner of group.suites ?? []) visit(inner, [...path, inner.title].filter(Boolean));
    for (const spec of group.specs ?? []) {
      for (const test of spec.tests) {
        // The same spec runs in several projects, which a failure has to be told apart by.
        const title = [test.projectName, ...path, spec.title].filter(Boolean).join(' › ');
        outcomes.push({ suite, title, ...judgePlaywrightTest(test) });
      }
    }
  };
  visit(report, []);
  for (const error of report.errors ?? []) {
    outcomes.push({ suite, title: 'the run itself', state: 'failed', reason: error.message ?? NO_REASON });
  }
  return outcomes;
}

/**
 * @param {any} test
 * @returns {Pick<Outcome, 'state' | 'reason'>}
 */
function judgePlaywrightTest(test) {
  if (test.status === 'expected') return { state: 'passed' };
  if (test.status === 'skipped') {
    const note = (test.annotations ?? []).find(
      (/** @type {any} */ annotation) => annotation.type === 'skip' || annotation.type === 'fixme',
    );
    // Tests after a failed one of a serial group did not run, which Playwright also calls skipped.
    const reason =
      note === undefined ? 'not run, because an earlier test of its group failed' : note.description;
    return { state: 'skipped', reason: reason ?? NO_REASON };
  }
  const errors = test.results.flatMap((/** @type {any} */ result) => result.errors ?? []);
  const text = errors.map((/** @type {any} */ error) => withoutColours(error.message ?? '')).join('\n');
  // A test that passes only at the second try has failed: whoever reads the sum must hear of it.
  const prefix = test.status === 'flaky' ? 'passed only when tried again: ' : '';
  return { state: 'failed', reason: prefix + (text || `ended as ${test.results.at(-1)?.status}`) };
}

/** @param {string} text */
function withoutColours(text) {
  // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
  return text.replace(/\u001b\[[\d;]*m/g, '');
}

/**
 * @param {string} suite
 * @param {string} xml A report in JUnit's form, as pytest writes it.
 * @returns {Outcome[]}
 */
export function readJunitReport(suite, xml) {
  /** @type {Outcome[]} */
  const outcomes = [];
  for (const [, attributes = '', body = ''] of xml.matchAll(
    /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const title = [attribute(attributes, 'classname'), attribute(attributes, 'name')]
      .filter(Boolean)
      .join(' › ');
    const ending = /<(failure|error|skipped)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/\1>)/.exec(body);
    if (ending === null) {
      outcomes.push({ suite, title, state: 'passed' });
    } else if (ending[1] === 'skipped') {
      const reason = attribute(ending[2] ?? '', 'message') ?? NO_REASON;
      outcomes.push({ suite, title, state: 'skipped', reason });
    } else {
      outcomes.push({ suite, title, state: 'failed', reason: decode(ending[3] ?? '').trim() || NO_REASON });
    }
  }
  return outcomes;
}

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
  return value === undefined ? undefined : decode(value);
}

/** @param {string} text */
function decode(text) {
  /** @type {Record<string, string>} */
  const named = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text
    .replace(/^<!\[CDATA\[([\s\S]*)\]\]>$/, '$1')
    .replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hexadecimal !== undefined) return String.fromCodePoint(Number.parseInt(hexadecimal, 16));
      return named[name] ?? whole;
    });
}

/**
 * @param {string} suite
 * @param {readonly Outcome[]} outcomes
 * @param {number} exitCode Of the program that ran them.
 * @returns {Outcome[]} With a failure added when the program's word and its report do not agree, or when
 *   there was nothing to report: a suite without tests proves nothing.
 */
export function checkReport(suite, outcomes, exitCode) {
  if (outcomes.length === 0) {
    return [{ suite, title: 'the suite', state: 'failed', reason: 'it reported no test' }];
  }
  if (exitCode !== 0 && !outcomes.some((outcome) => outcome.state === 'failed')) {
    const reason = `it exited with ${exitCode} although no test of it failed; its output is above`;
    return [...outcomes, { suite, title: 'the run itself', state: 'failed', reason }];
  }
  return [...outcomes];
}

/**
 * @param {readonly Outcome[]} outcomes
 * @returns {{ passed: number, failed: number, skipped: number, line: string }}
 */
export function sum(outcomes) {
  const count = (/** @type {Outcome['state']} */ state) =>
    outcomes.filter((outcome) => outcome.state === state).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  return { passed, failed, skipped, line: `${passed} passed, ${failed} failed, ${skipped} skipped` };
}

const SHOWN_REASON_LINES = 30;

/**
 * @param {readonly Outcome[]} outcomes
 * @returns {string[]} Every failure and every skip with its reason; skips of one reason are shown together.
 */
export function describeTroubles(outcomes) {
  const lines = [];
  const failed = outcomes.filter((outcome) => outcome.state === 'failed');
  if (failed.length > 0) lines.push('Failed:');
  for (const { suite, title, reason = NO_REASON } of failed) {
    lines.push(`  ✗ ${suite} › ${title}`);
    const reasonLines = reason.split('\n');
    lines.push(...reasonLines.slice(0, SHOWN_REASON_LINES).map((line) => `      ${line}`));
    if (reasonLines.length > SHOWN_REASON_LINES) lines.push('      …');
  }
  /** @type {Map<string, Outcome[]>} */
  const byReason = new Map();
  for (const outcome of outcomes.filter(({ state }) => state === 'skipped')) {
    const key = outcome.reason ?? NO_REASON;
    byReason.set(key, [...(byReason.get(key) ?? []), outcome]);
  }
  if (byReason.size > 0) lines.push('Skipped:');
  for (const [reason, skipped] of byReason) {
    lines.push(`  - ${reason}`);
    lines.push(...skipped.map(({ suite, title }) => `      ${suite} › ${title}`));
  }
  return lines;
}
