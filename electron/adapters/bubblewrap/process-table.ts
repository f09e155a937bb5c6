import { readdir, readFile } from 'node:fs/promises';

/** A process, told from a later one with the same number by when it began. */
export interface ProcessEntry {
  readonly processId: number;
  readonly parentId: number;
  /** In clock ticks since the computer started. */
  readonly startedAtTicks: string;
  readonly dead: boolean;
}

/** The line of /proc/PID/stat; a name may hold spaces and brackets. */
export function parseStat(text: string): ProcessEntry | null {
  const afterName = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const processId = Number.parseInt(text, 10);
  const [state = '', parent = ''] = afterName;
  const startedAtTicks = afterName[19];
  if (!Number.isInteger(processId) || startedAtTicks === undefined) return null;
  return {
    processId,
    parentId: Number(parent),
    startedAtTicks,
    dead: state === 'Z' || state === 'X',
  };
}

export async function readProcess(processId: number): Promise<ProcessEntry | null> {
  const text = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => null);
  return text === null ? null : parseStat(text);
}

/** Every process of the computer; empty on a system without /proc. */
export async function readProcesses(): Promise<ProcessEntry[]> {
  const names = await readdir('/proc').catch(() => []);
  const entries = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => readProcess(Number(name))),
  );
  return entries.filter((entry) => entry !== null);
}

/** Those below `processId`, nearest first, without itself. */
export function descendants(processes: readonly ProcessEntry[], processId: number): ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const each of processes) {
    const siblings = children.get(each.parentId);
    if (siblings) siblings.push(each);
    else children.set(each.parentId, [each]);
  }
  const found: ProcessEntry[] = [];
  const open = [processId];
  for (let parent = open.shift(); parent !== undefined; parent = open.shift()) {
    for (const child of children.get(parent) ?? []) {
      found.push(child);
      open.push(child.processId);
    }
  }
  return found;
}

/** How many live processes are in the sandbox, of programs that were launched as `processIds`. */
export async function countInside(processIds: readonly number[], isolated: boolean): Promise<number> {
  return processIds.length === 0 ? 0 : insideOf(await readProcesses(), processIds, isolated).length;
}

/** In isolation what was launched is bubblewrap, which stays outside; without, it is the program itself. */
export function insideOf(
  processes: readonly ProcessEntry[],
  processIds: readonly number[],
  isolated: boolean,
): ProcessEntry[] {
  const launched = isolated ? [] : processes.filter(({ processId }) => processIds.includes(processId));
  const below = processIds.flatMap((each) => descendants(processes, each));
  return [...launched, ...below].filter(({ dead }) => !dead);
}

/** Those whose environment has `entry`; only the ones that this user may look at. */
export async function withEnvironment(entry: string): Promise<ProcessEntry[]> {
  const processes = await readProcesses();
  const checked = await Promise.all(
    processes.map(async (each) => {
      const text = await readFile(`/proc/${each.processId}/environ`, 'utf8').catch(() => '');
      return text.split('\0').includes(entry) ? each : null;
    }),
  );
  return checked.filter((each) => each !== null);
}

export async function isAlive(entry: ProcessEntry): Promise<boolean> {
  const now = await readProcess(entry.processId);
  return now !== null && now.startedAtTicks === entry.startedAtTicks && !now.dead;
}

export function signal(processId: number, name: NodeJS.Signals): void {
  try {
    process.kill(processId, name);
  } catch (error) {
    // It has gone meanwhile, which is what was wanted; or it became another user's (sudo), and whoever waits for its
    // end says so.
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
