import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fchmodSync, openSync } from 'node:fs';
import { LmError } from '../../contract';

/** Descriptors of this process; each end is for who takes it to close, and no child inherits it unasked. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

export type Pipes = readonly [Pipe, Pipe, Pipe];

const heldAt = [3, 4, 5] as const;
/**
 * A shell that has the reading ends of three pipes, says its number, and goes when its input ends. Shells keep a short text
 * for a command's input in a pipe, which costs no process; some of them, such as bash before 5.1, in a file. Then
 * it is those between processes that end at once.
 */
const holderScript = [
  'exec 3<<END 4<<END 5<<END',
  ...['', 'END', '', 'END', '', 'END'],
  'read text <&3; read text <&4; read text <&5',
  'if [ -p /proc/self/fd/3 ]; then echo $$; read end; exit; fi',
  'exec 6<&0; : | { exec 3<&0; : | { exec 4<&0; : | { exec 5<&0 0<&6',
  'read number rest < /proc/self/stat; echo $number; read end; }; }; }',
].join('\n');

/**
 * Three pipes of the system. Node makes sockets in their place, which cannot be opened by name: a program would fail at
 * `/dev/stderr`. Named ones, as mkfifo makes, would wait there for another end that has gone. So a shell makes them, and
 * they are opened here by its /proc.
 * Rejects with an LmError where that fails.
 */
export async function openPipes(shell: readonly [string, ...string[]] = ['/bin/sh']): Promise<Pipes> {
  const [program, ...options] = shell;
  // Its streams are missing where this process has no descriptor left for them.
  const holder: ChildProcess = spawn(program, [...options, '-c', holderScript], {
    env: {},
    cwd: '/',
    detached: true,
  });
  try {
    const processId = await saidBy(holder);
    return openAll(heldAt.map((descriptor) => `/proc/${processId}/fd/${String(descriptor)}`));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LmError('internal', `No pipes for a command can be made on this computer: ${reason}.`, {
      cause: error,
    });
  } finally {
    holder.stdin?.end();
  }
}

/** Its first line. */
function saidBy(holder: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let told = '';
    let complaint = '';
    holder.once('error', reject);
    holder.once('close', () => reject(new Error(complaint.trim() || 'the shell has ended')));
    // It may have gone when its input ends.
    holder.stdin?.on('error', () => undefined);
    holder.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    holder.stdout?.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      if (told.endsWith('\n')) resolve(told.trim());
    });
  });
}

function openAll(files: readonly string[]): Pipes {
  const opened: number[] = [];
  try {
    for (const file of files) opened.push(openSync(file, 'r'), openSync(file, 'w'));
    const pipeAt = (index: number): Pipe => ({
      readEnd: opened[2 * index] ?? -1,
      writeEnd: opened[2 * index + 1] ?? -1,
    });
    // The program may be another user than this process, and opens by name what is its own; nobody else finds a way here.
    for (let index = 0; index < files.length; index += 1) fchmodSync(pipeAt(index).writeEnd, 0o666);
    return [pipeAt(0), pipeAt(1), pipeAt(2)];
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    throw error;
  }
}
