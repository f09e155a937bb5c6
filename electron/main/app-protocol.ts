import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { protocol } from 'electron';
import { contentSecurityPolicy, contentTypeOf, pageSecurityHeaders } from '../contract/page-policy';

export const appScheme = 'app';
export const appOrigin = `${appScheme}://lm-sandbox`;

/** Has to run before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: appScheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ]);
}

/** Serves the files below `folder` as `app://lm-sandbox/…`; everything else is 404. */
export function serveAppScheme(folder: string): void {
  protocol.handle(appScheme, async (request) => {
    const file = await resolveAppFile(folder, request.url);
    if (!file) return new Response('Not found', { status: 404, headers: securityHeaders('text/plain') });
    return new Response(await readFile(file), {
      headers: securityHeaders(contentTypeOf(path.extname(file))),
    });
  });
}

/** The file a URL stands for, or null when it is not below `folder` (also by way of a symbolic link). */
export async function resolveAppFile(folder: string, url: string): Promise<string | null> {
  try {
    const { host, pathname } = new URL(url);
    if (host !== 'lm-sandbox') return null;
    const relative = decodeURIComponent(pathname);
    if (relative.includes('\0') || relative.includes('\\')) return null;
    const wanted = path.join(folder, relative === '/' ? 'index.html' : relative);
    const [root, file] = await Promise.all([realpath(folder), realpath(wanted)]);
    return file.startsWith(root + path.sep) ? file : null;
  } catch {
    // Malformed URL or no such file.
    return null;
  }
}

function securityHeaders(contentType: string): Record<string, string> {
  return {
    ...pageSecurityHeaders,
    'Content-Type': contentType,
    'Content-Security-Policy': contentSecurityPolicy(),
  };
}
