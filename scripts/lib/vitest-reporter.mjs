/**
 * Writes what became of every test to the file named by LM_SANDBOX_REPORT_FILE: Vitest's own JSON leaves out
 * why a test was skipped and what failed outside of tests.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** @typedef {import('vitest/node').Reporter} Reporter */

/** @implements {Reporter} */
export default class ReportWriter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly { message?: string, stack?: string }[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env['LM_SANDBOX_REPORT_FILE'];
    if (file === undefined) throw new Error('LM_SANDBOX_REPORT_FILE is not set');
    const tests = [];
    const errors = [];
    for (const module of modules) {
      for (const error of module.errors()) {
        errors.push({ title: module.relativeModuleId, reason: describe(error) });
      }
      for (const suite of module.children.allSuites()) {
        for (const error of suite.errors()) {
          errors.push({ title: `${module.relativeModuleId} › ${suite.fullName}`, reason: describe(error) });
        }
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        const title = `${module.relativeModuleId} › ${test.fullName}`;
        if (result.state === 'failed') {
          tests.push({ title, state: 'failed', reason: result.errors.map(describe).join('\n') });
        } else if (result.state === 'skipped') {
          tests.push({ title, state: 'skipped', reason: result.note });
        } else if (result.state === 'passed') {
          tests.push({ title, state: 'passed' });
        } else {
          tests.push({ title, state: 'failed', reason: 'it did not end' });
        }
      }
    }
    for (const error of unhandledErrors)
      errors.push({ title: 'outside of any test', reason: describe(error) });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ tests, errors }));
  }
}

/** @param {{ message?: string, stack?: string, diff?: string }} error */
function describe(error) {
  // The stack repeats the message, and only the project's own places tell anything.
  const places = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('node_modules') && !line.includes('node:'));
  return [error.message, error.diff, ...places].filter(Boolean).join('\n');
}
