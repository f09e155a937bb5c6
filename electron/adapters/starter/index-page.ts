import { z } from 'zod';
import { parseUrl } from './web';

/** A file that an index offers. */
export interface IndexFile {
  readonly name: string;
  readonly url: string;
  /** Hexadecimal; null where the index does not say. */
  readonly sha256: string | null;
}

/** What is asked for: JSON first, as pip does. Source: PEP 691. */
export const indexAccept = [
  'application/vnd.pypi.simple.v1+json',
  'application/vnd.pypi.simple.v1+html; q=0.1',
  'text/html; q=0.01',
].join(', ');

const jsonPage = z.object({
  files: z.array(
    z.object({ filename: z.string(), url: z.string(), hashes: z.record(z.string(), z.string()).optional() }),
  ),
});

/**
 * Reads a project's page in either format of the simple API (PEP 503, PEP 691), or any page with links to packages.
 * @param address Of the page; links may be relative to it.
 * @throws An error of zod or of JSON.parse for a page that says it is JSON and is not.
 */
export function readIndexPage(text: string, contentType: string, address: string): readonly IndexFile[] {
  return /json/i.test(contentType) ? readJson(text, address) : readHtml(text, address);
}

function readJson(text: string, address: string): readonly IndexFile[] {
  return jsonPage.parse(JSON.parse(text)).files.flatMap(({ filename, url, hashes }) => {
    const target = parseUrl(url, address);
    if (target === null) return [];
    return [{ name: filename, url: target.href, sha256: hashes?.['sha256']?.toLowerCase() ?? null }];
  });
}

function readHtml(text: string, address: string): readonly IndexFile[] {
  const base = attribute(/<base\s[^>]*>/i.exec(text)?.[0] ?? '', 'href');
  const start = parseUrl(base ?? '', address)?.href ?? address;
  return [...text.matchAll(/<a\s[^>]*>/gi)].flatMap(([tag]) => {
    const url = parseUrl(attribute(tag, 'href') ?? '', start);
    if (url === null) return [];
    const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase() ?? null;
    url.hash = '';
    return [{ name: url.pathname.split('/').at(-1) ?? '', url: url.href, sha256 }];
  });
}

function attribute(tag: string, name: string): string | null {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  const value = found?.[1] ?? found?.[2] ?? found?.[3];
  return value === undefined ? null : value.replace(/&(amp|#38|#x26);/gi, '&').trim();
}

/** Whether this is a wheel of just that version. Source: PEP 427, PEP 503. */
export function isWheelOf(fileName: string, project: string, version: string): boolean {
  const [name = '', itsVersion = ''] = fileName.split('-');
  return fileName.endsWith('.whl') && normalized(name) === normalized(project) && itsVersion === version;
}

/** How an index names a project. Source: PEP 503. */
export function normalized(project: string): string {
  return project.replace(/[-_.]+/g, '-').toLowerCase();
}
