/**
 * What is shown and typed in the terminal of every kind of page that is measured.
 * @module
 */
import { inContainer } from './bench-rig.mjs';

/** @typedef {import('./bench-rig.mjs').Rig} Rig */
/** @typedef {import('./bench-rig.mjs').RunningApp} RunningApp */

const mebibyte = 1024 * 1024;
/** Size of each corpus. */
export const measuredMebibytes = 8;
export const corpora = /** @type {const} */ (['ascii', 'sgr', 'cjk', 'urandom']);

/** Ends whatever a stream of random bytes has begun, and clears the screen. */
const settle = { urandom: "printf '\\030\\033\\\\\\033c\\017'; ", ascii: '', sgr: '', cjk: '' };

/**
 * Writes the corpora into the workspace of the bench container.
 * @param {Rig} rig
 */
export async function makeCorpora(rig) {
  rig.say('making the corpora');
  const script = `
import os, random
random.seed(7)
size = ${measuredMebibytes * mebibyte}
def fill(name, line):
    with open('/workspace/bench-' + name, 'wb') as file:
        written = 0
        number = 0
        while written < size:
            data = line(number)
            file.write(data)
            written += len(data)
            number += 1
words = ['container', 'layer', 'token', 'gradient', 'shell', 'memory', 'kernel', 'model', 'stream', 'window']
def plain(n):
    return ('%08d ' % n + ' '.join(random.choice(words) for _ in range(11)))[:100].encode() + b'\\n'
def coloured(n):
    return ''.join('\\033[3%dm%s\\033[0m ' % (random.randrange(8), random.choice(words)) for _ in range(9)).encode() + b'\\n'
def cjk(n):
    return ('%08d ' % n + ''.join(chr(random.randrange(0x4e00, 0x9000)) for _ in range(45))).encode() + b'\\n'
fill('ascii', plain)
fill('sgr', coloured)
fill('cjk', cjk)
open('/workspace/bench-urandom', 'wb').write(os.urandom(size))
`;
  const encoded = Buffer.from(script).toString('base64');
  const output = await inContainer(
    rig,
    `echo ${encoded} | base64 -d | python3 - && ls -l /workspace | grep -c bench-`,
  );
  if (!/\b4\b/.test(output)) throw new Error(`The corpora could not be made: ${output}`);
}

let markers = 0;

/**
 * Shows a corpus by `cat`.
 * @param {RunningApp} app
 * @param {(typeof corpora)[number]} corpus
 * @param {number} [times]
 * @returns {Promise<number>} MiB per second, until the last line is painted.
 */
export async function showCorpus(app, corpus, times = 1) {
  const number = ++markers;
  const command = `cat ${`/workspace/bench-${corpus} `.repeat(times)}; ${settle[corpus]}echo "end-""${number}:"`;
  const ms = await app.page.evaluate(
    ([line, marker]) => window.benchProbe.run(line, marker),
    [command, `end-${number}:`],
  );
  return (measuredMebibytes * times * 1000) / ms;
}

/**
 * Types letters, each once the one before is on the screen.
 * @param {RunningApp} app
 * @param {number} count
 * @param {number} [pauseMs]
 * @returns {Promise<number[]>} Milliseconds from each key to the frame that shows it.
 */
export function echo(app, count, pauseMs = 5) {
  return app.page.evaluate(([keys, pause]) => window.benchProbe.echo(keys, pause), [count, pauseMs]);
}
