import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ensureSmallModel } from '../../support/model.mjs';
import { run } from '../../support/process.mjs';
import { ensurePython } from '../../support/python.mjs';
import { CONTAINER, startGateway, type RunningGateway } from './harness';
import { differences, readAnswers, readBlocks, type Block } from './readme-blocks';

const PORT = 18_492;
const LIMIT_MS = 180_000;
const WORK = '/tmp/readme';
/** In readers' words; the tests' gateway has a port of its own. */
const ADDRESS = '127.0.0.1:8000';
const PYTHON_PACKAGES = ['httpx==0.28.1', 'openai==3.54.0', 'websockets==17.4'];
/** What has no answer without other models, which come from the internet. */
const NOT_RUN = ['POST /models/pull', 'POST /v1/embeddings'];

const readme = readFileSync(fileURLToPath(new URL('../../../docker/README.md', import.meta.url)), 'utf8');
const blocks = readBlocks(readme);
const section = { from: lineOf('## Endpoints'), to: lineOf('## Security and tokens') };
const examples = blocks.filter(({ line }) => line > section.from && line < section.to);
const setup = examples.find(({ kind }) => kind === 'setup')?.text ?? '';
const runnable = examples.flatMap((block, index) => {
  if (block.kind !== 'bash' && block.kind !== 'python' && block.kind !== 'typescript') return [];
  const following = examples[index + 1];
  return [{ block, answer: following?.kind === 'answer' ? following : undefined }];
});
const openapi = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

function lineOf(heading: string): number {
  const line = readme.split('\n').indexOf(heading);
  if (line < 0) throw new Error(`docker/README.md has no ${heading}`);
  return line + 1;
}

describe('the examples of docker/README.md', () => {
  let gateway: RunningGateway;
  let work: string;
  let python: string;

  beforeAll(async () => {
    const model = await ensureSmallModel();
    python = await ensurePython({
      name: 'python-readme',
      key: PYTHON_PACKAGES.join(' '),
      install: PYTHON_PACKAGES,
    });
    work = await mkdtemp(join(tmpdir(), 'lm-sandbox-readme-'));
    gateway = await startGateway(PORT);
    // The shell's blocks run in the container, which has curl and jq and where the gateway has its usual port.
    await gateway.engine.docker(['exec', CONTAINER, 'mkdir', WORK]);
    await gateway.engine.docker(['cp', '--quiet', model, `${CONTAINER}:${WORK}/smollm2.gguf`]);
  });
  afterAll(async () => {
    await gateway?.stop();
    if (work !== undefined) await rm(work, { recursive: true });
  });

  /** What a block writes to standard output. It must end well and say nothing on standard error. */
  async function output({ kind, text, line }: Block): Promise<string> {
    const env = { ...process.env, TOKEN: gateway.token, NO_COLOR: '1' };
    const here = text.replaceAll(ADDRESS, `127.0.0.1:${PORT}`);
    const options = { allowFailure: true, timeoutMs: LIMIT_MS, cwd: work, env };
    const answer =
      kind === 'bash'
        ? await gateway.engine.docker(
            [
              ...['exec', '--workdir', WORK, '--env', `TOKEN=${gateway.token}`, CONTAINER],
              ...['bash', '-euo', 'pipefail', '-c', `${setup}\n${text}`],
            ],
            { allowFailure: true, timeoutMs: LIMIT_MS },
          )
        : kind === 'python'
          ? await run(python, ['-c', here], options)
          : await run(process.execPath, ['--input-type=module', '--eval', withoutTypes(here)], options);
    expect(answer.code, `line ${line}:\n${answer.stdout}\n${answer.stderr}`).toBe(0);
    return answer.stdout;
  }

  it('are all run, but for those that say why not', () => {
    const shown = examples.filter(({ info, kind }) => kind === undefined && !/^(json|yaml)$/.test(info));
    expect(shown).toHaveLength(1);
    const called = [...(shown[0]?.text ?? '').matchAll(/:8000(\S+) --data/g)].map(
      ([, path]) => `POST ${path}`,
    );
    expect(called).toEqual(NOT_RUN);
    for (const kind of ['bash', 'python', 'typescript']) {
      expect(runnable.filter(({ block }) => block.kind === kind).length, kind).toBeGreaterThanOrEqual(4);
    }
  });

  it.each(
    runnable.map(({ block, answer }) => ({ name: `${block.info}, line ${block.line}`, block, answer })),
  )(
    'works: $name',
    async ({ block, answer }) => {
      const written = await output(block);
      expect(written).not.toBe('');
      if (answer === undefined) return;
      const shown = readAnswers(answer.text);
      // Of several commands it is the last one's answer.
      const answered = readAnswers(lastAnswer(written, shown.length));
      const found = shown.flatMap((value, index) => differences(value, answered[index]));
      expect(found, `line ${answer.line}, ${JSON.stringify(answered)}`).toEqual([]);
    },
    LIMIT_MS,
  );

  it('call every route that the gateway describes, and the routes stand in the table', async () => {
    const headers = { authorization: `Bearer ${gateway.token}` };
    const described = openapi.parse(
      await (await fetch(`${gateway.address}/openapi.json`, { headers })).json(),
    );
    const routes = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.length).toBeGreaterThan(35);
    const table = readme
      .split('\n')
      .slice(section.from, section.to)
      .filter((line) => line.startsWith('|'));
    const listed = table.flatMap((line) =>
      [...line.matchAll(/`([A-Z]+ \/[^`]*)`/g)].map(([, route]) => route),
    );
    expect(routes.filter((route) => !listed.includes(route))).toEqual([]);

    const metrics = await (await fetch(`${gateway.address}/metrics`, { headers })).text();
    const called = [
      ...metrics.matchAll(/^lm_requests_total\{method="([A-Z]+)",route="([^"]+)",status="2\d\d"\}/gm),
    ].map(([, method, route]) => `${method} ${route?.replace(':path}', '}')}`);
    expect(routes.filter((route) => !called.includes(route)).sort()).toEqual(NOT_RUN);
  });
});

function withoutTypes(source: string): string {
  return ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  }).outputText;
}

/** The end of an output: its last lines, or what follows the last line break before which a value ended. */
function lastAnswer(written: string, count: number): string {
  const lines = written.trim().split('\n');
  if (count > 1) return lines.slice(-count).join('\n');
  // Answers of the gateway have no line break at their end, so two of them can share a line.
  const last = lines.at(-1) ?? '';
  const start = last.lastIndexOf('}{');
  return start < 0 ? last : last.slice(start + 1);
}
