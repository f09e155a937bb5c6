import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { pack } from 'tar-stream';

const execute = promisify(execFile);
const programs = ['sh', 'cat', 'dd', 'echo', 'env', 'id', 'ls', 'mkdir', 'sleep', 'touch', 'true'];

/**
 * Gives the engine an image of a few megabytes with a shell and a handful of tools, copied from this computer.
 * @param command What it runs; as user 1000.
 */
export async function importTinyImage(
  engine: { docker(args: readonly string[]): Promise<unknown> },
  reference: string,
  command: readonly string[],
  user = '1000:1000',
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lm-tiny-'));
  const file = join(folder, 'image.tar');
  try {
    await writeRootFileSystem(file);
    await engine.docker([
      'import',
      ...['--change', `USER ${user}`],
      ...['--change', `CMD ${JSON.stringify(command)}`],
      ...['--change', 'ENV PATH=/bin'],
      file,
      reference,
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeRootFileSystem(file: string): Promise<void> {
  const files = new Map<string, string>();
  for (const program of programs) {
    const source = await realpath(`/bin/${program}`);
    files.set(`bin/${program}`, source);
    const { stdout } = await execute('ldd', [source]);
    for (const [library] of stdout.matchAll(/\/\S+\.so[^\s:]*/g))
      files.set(library.slice(1), await realpath(library));
  }
  const tar = pack();
  const written = pipeline(tar, createWriteStream(file));
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'workspace', 'models']) {
    tar.entry({ name: `${folder}/`, type: 'directory', mode: 0o777 });
  }
  for (const [name, source] of files) tar.entry({ name, mode: 0o755 }, await readFile(source));
  tar.finalize();
  await written;
}
