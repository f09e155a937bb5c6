import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open as openFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type Libsql from 'libsql';
import { z } from 'zod';
import { LmError, type ErrorData } from '../../contract';
import { migrations } from './schema';
import { isCorruption, mapStorageError } from './sqlite-errors';

const ownerOnly = 0o600;
const versionSchema = z.object({ user_version: z.number() });

export type Database = Libsql.Database;

export interface OpenedDatabase {
  readonly database: Database;
  /** What had to be done to open it, for the person; null when all was well. */
  readonly problem: ErrorData | null;
}

/**
 * Opens the file, checks it (`quick_check`) and brings it to the newest schema. A damaged file is set aside, never
 * deleted, and the last good copy takes its place. When nothing can be kept on disk at all (no right to write, a
 * full disk, a file of a newer version of the app) conversations live in memory, and `problem` says so.
 */
export async function openDatabase(file: string, nowMs: number): Promise<OpenedDatabase> {
  const Database = await loadLibsql();
  const inMemory = (problem: LmError): OpenedDatabase => {
    const database = new Database(':memory:');
    prepare(database, ':memory:');
    return { database, problem: problem.data };
  };
  const openChecked = (): Database => {
    const database = new Database(file);
    try {
      prepare(database, file);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  };

  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await keepFromOthers(file);
  } catch (error) {
    return inMemory(unsaved(mapStorageError(error, file)));
  }
  try {
    return { database: openChecked(), problem: null };
  } catch (error) {
    if (!isDamage(error)) return inMemory(unsaved(mapStorageError(error, file)));
  }
  try {
    const keptFile = await setAside(file, nowMs);
    const restoredFrom = await restoreBackup(file);
    if (restoredFrom !== null) {
      try {
        return { database: openChecked(), problem: restored(keptFile, restoredFrom).data };
      } catch (error) {
        if (!isDamage(error)) throw error;
        await setAside(file, nowMs);
      }
    }
    await keepFromOthers(file);
    return { database: openChecked(), problem: startedEmpty(keptFile).data };
  } catch (error) {
    return inMemory(unsaved(mapStorageError(error, file)));
  }
}

/**
 * For its owner only, also in a folder that others may read: a data folder that was there before. SQLite gives its log
 * the mode of the database, and copies have it too.
 */
async function keepFromOthers(file: string): Promise<void> {
  await (await openFile(file, 'a', ownerOnly)).close();
  for (const each of [file, `${file}-wal`, `${file}-shm`, backupOf(file)]) {
    if (await exists(each)) await chmod(each, ownerOnly);
  }
}

/**
 * Copies the database beside itself. All of it is first moved from the log into the main file, which then stays
 * as it is while it is copied, since new writes go to the log; so the host never waits for the copy.
 */
export async function backUpDatabase(database: Database, file: string): Promise<void> {
  const partial = `${backupOf(file)}.part`;
  try {
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.pragma('wal_autocheckpoint = 0');
    await copyFile(file, partial, constants.COPYFILE_FICLONE);
  } catch (error) {
    await rm(partial, { force: true });
    throw mapStorageError(error, partial);
  } finally {
    if (database.open) database.pragma('wal_autocheckpoint = 1000');
  }
  const handle = await openFile(partial, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, backupOf(file));
}

export function backupOf(file: string): string {
  return `${file}.backup`;
}

/** Native code is loaded when the host opens its store, not when this module is imported. */
async function loadLibsql(): Promise<typeof Libsql> {
  const module = await import('libsql');
  return module.default;
}

function prepare(database: Database, file: string): void {
  if (file !== ':memory:') database.pragma('journal_mode = WAL');
  // With WAL this loses at most the last moments at a power cut, and never the file.
  database.pragma('synchronous = NORMAL');
  database.pragma('foreign_keys = ON');
  database.pragma('busy_timeout = 2000');
  const check = JSON.stringify(database.pragma('quick_check'));
  if (check !== JSON.stringify([{ quick_check: 'ok' }])) {
    throw new LmError('storage_corrupt', 'The file of the conversations is damaged.', {
      details: { check: check.slice(0, 500) },
    });
  }
  migrate(database, file);
}

function migrate(database: Database, file: string): void {
  const version = versionSchema.parse(database.prepare('PRAGMA user_version').get()).user_version;
  if (version > migrations.length) {
    throw new LmError('storage_failed', 'The conversations were saved by a newer version of this app.', {
      details: { file, version, known: migrations.length },
      repair: { text: 'Use the newer version again; the file was left as it is.' },
    });
  }
  for (let next = version; next < migrations.length; next += 1) {
    database.exec(`BEGIN IMMEDIATE; ${migrations[next] ?? ''} PRAGMA user_version = ${next + 1}; COMMIT;`);
  }
}

function isDamage(error: unknown): boolean {
  return isCorruption(error) || (error instanceof LmError && error.code === 'storage_corrupt');
}

async function setAside(file: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().replace(/[:.]/g, '-');
  let kept = `${file}.damaged-${stamp}`;
  for (let count = 2; await exists(kept); count += 1) kept = `${file}.damaged-${stamp}-${count}`;
  await rename(file, kept);
  // The log belongs to the damaged file; left in place it would be applied to the copy.
  for (const suffix of ['-wal', '-shm']) {
    if (await exists(`${file}${suffix}`)) await rename(`${file}${suffix}`, `${kept}${suffix}`);
  }
  return kept;
}

async function restoreBackup(file: string): Promise<string | null> {
  if (!(await exists(backupOf(file)))) return null;
  await copyFile(backupOf(file), file);
  return new Date((await stat(backupOf(file))).mtimeMs).toISOString();
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT')
      return false;
    throw error;
  }
}

function restored(keptFile: string, restoredFrom: string): LmError {
  return new LmError(
    'storage_corrupt',
    `The file of the conversations was damaged; the copy of ${restoredFrom} took its place.`,
    {
      details: { keptFile, restoredFrom },
      repair: { text: `What was written after that copy may still be in ${keptFile}.` },
    },
  );
}

function startedEmpty(keptFile: string): LmError {
  return new LmError(
    'storage_corrupt',
    'The file of the conversations was damaged and there was no good copy of it.',
    {
      details: { keptFile },
      repair: {
        text: `The damaged file was kept as ${keptFile}; SQLite's recovery tools may read parts of it.`,
      },
    },
  );
}

function unsaved(error: LmError): LmError {
  return new LmError(
    error.code,
    `Conversations are not saved and will be gone when the app is closed: ${error.message}`,
    {
      details: error.data.details,
      repair: error.data.repair ? { text: error.data.repair.text } : null,
      cause: error,
    },
  );
}
