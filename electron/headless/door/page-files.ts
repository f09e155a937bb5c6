import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { contentTypeOf } from '../../contract/page-policy';

const compress = promisify(brotliCompress);
/** Smaller by a fifth than the fastest, and still a fraction of a second for the largest file. */
const compressionQuality = 5;
const worthCompressingBytes = 4 * 1024;
const compressible = /^(text\/|application\/json|image\/svg)/;

export interface PageFile {
  readonly type: string;
  /** Named after its content, so that it never changes. */
  readonly immutable: boolean;
  readonly bytes: Uint8Array;
  /** By brotli; null where that is not worth it. */
  readonly compressed: Uint8Array | null;
}

/** The built files of the page. Read once each: there are few, and a new version is a new host. */
export class PageFiles {
  private readonly known = new Map<string, Promise<PageFile>>();

  private constructor(
    private readonly folder: string,
    /** What the sign-in page needs; it holds no secret and is given to everybody. */
    private readonly signInParts: ReadonlySet<string>,
  ) {}

  /** @throws when there is no built page in `folder`. */
  static async open(folder: string): Promise<PageFiles> {
    const root = await realpath(folder);
    const page = await readFile(path.join(root, 'sign-in.html'), 'utf8');
    const parts = [...page.matchAll(/(?:src|href)="\.?(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? '');
    return new PageFiles(root, new Set(parts));
  }

  isPublic(pathname: string): boolean {
    return this.signInParts.has(pathname);
  }

  /** The file below the folder that `pathname` names, or null. */
  async read(pathname: string): Promise<PageFile | null> {
    const found = await this.resolve(pathname);
    if (found === null) return null;
    // By the file itself: there are any number of spellings of a path.
    const known = this.known.get(found);
    if (known) return known;
    const reading = this.load(found);
    this.known.set(found, reading);
    // A failure of the disk is not kept.
    reading.catch(() => this.known.delete(found));
    return reading;
  }

  private async load(found: string): Promise<PageFile> {
    const bytes = await readFile(found);
    const type = contentTypeOf(path.extname(found));
    const immutable = /^\/assets\/.+-[\w-]{8}\.\w+$/.test(found.slice(this.folder.length));
    if (bytes.byteLength < worthCompressingBytes || !compressible.test(type)) {
      return { type, immutable, bytes, compressed: null };
    }
    const params = { [constants.BROTLI_PARAM_QUALITY]: compressionQuality };
    return { type, immutable, bytes, compressed: await compress(bytes, { params }) };
  }

  private async resolve(pathname: string): Promise<string | null> {
    try {
      const relative = decodeURIComponent(pathname);
      if (relative.includes('\0') || relative.includes('\\') || relative.endsWith('/')) return null;
      const file = await realpath(path.join(this.folder, relative));
      const inside = file.startsWith(this.folder + path.sep);
      return inside && (await stat(file)).isFile() ? file : null;
    } catch {
      // A malformed escape, or no such file.
      return null;
    }
  }
}
