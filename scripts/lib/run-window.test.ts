import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** `npm start` with a shell in the place of Electron. */
async function start(script: string, json: boolean, signal?: NodeJS.Signals) {
  const options = { executablePath: '/bin/sh', args: ['-c', script], json };
  const program = `import { runWindow } from ${JSON.stringify(join(__dirname, 'run-window.mjs'))};
process.exit(await runWindow(${JSON.stringify(options)}));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (signal && text.includes('ready')) child.kill(signal);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

it('hands on what the app writes, and how it ends', async () => {
  expect(await start('echo said; echo warned >&2; exit 3', false)).toEqual({
    code: 3,
    stdout: 'said\n',
    stderr: 'warned\n',
  });
});

it('writes lines of JSON alone where a program reads along', async () => {
  const { code, stdout, stderr } = await start('echo said; exit 3', true);
  expect([code, stderr]).toEqual([3, 'said\n']);
  expect(stdout).toBe('{"type":"open","way":"window"}\n{"type":"end","exitCode":3}\n');
});

it('says why Electron ended where it knows, as text and as JSON', async () => {
  const script = 'echo "Missing X server or \\$DISPLAY" >&2; exit 1';
  expect((await start(script, false)).stderr).toMatch(/\nThe display did not answer: .*\n$/);
  const { stdout, stderr } = await start(script, true);
  expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
    error: { code: 'unsupported', message: expect.stringContaining('The display did not answer') as string },
  });
  expect(stdout).toContain('{"type":"end","exitCode":1}');
});

it('passes a signal on, and takes an end that was asked for as no failure', async () => {
  const { code, stdout } = await start('echo ready >&2; exec sleep 1000', true, 'SIGTERM');
  expect([code, stdout]).toEqual([0, '{"type":"open","way":"window"}\n{"type":"end","exitCode":0}\n']);
});
