/**
 * How the scripts that people call say what went wrong.
 * @module
 */

/**
 * One sentence on standard error; for programs in the form that every verb of lm-sandbox has (docs/cli.md).
 * @param {unknown} error An Error, or the sentence itself.
 * @param {{ json: boolean, prefix?: string, code?: 'internal' | 'unsupported' }} options `code` is one of
 *   electron/contract/errors.ts; `prefix` is for people.
 */
export function sayFailure(error, { json, prefix = '', code = 'internal' }) {
  const message = error instanceof Error ? error.message : String(error);
  const data = { code, message, details: {}, repair: null, retryable: false };
  process.stderr.write(json ? `${JSON.stringify({ error: data })}\n` : `${prefix}${message}\n`);
}
