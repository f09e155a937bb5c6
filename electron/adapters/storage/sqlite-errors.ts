import { LmError } from '../../contract';

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

/** True when the file itself is damaged, as opposed to the disk or the rights around it. */
export function isCorruption(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

/** Any error of libsql or of the file system under it, as what a person is told. */
export function mapStorageError(error: unknown, file: string): LmError {
  if (error instanceof LmError) return error;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const details = { file, code, text };
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC' || code === 'EDQUOT') {
    return new LmError('disk_full', 'The disk is full; conversations cannot be saved.', {
      details,
      repair: { text: `Free space on the disk that holds ${file}.` },
      retryable: true,
      cause: error,
    });
  }
  if (isCorruption(error)) {
    return new LmError('storage_corrupt', 'The file of the conversations is damaged.', {
      details,
      repair: { text: 'Restart the app: it sets the damaged file aside and takes the last good copy.' },
      cause: error,
    });
  }
  return new LmError('storage_failed', `The conversations could not be read or saved: ${text}`, {
    details,
    repair: { text: `Check that ${file} and its folder can be written.` },
    retryable: true,
    cause: error,
  });
}
