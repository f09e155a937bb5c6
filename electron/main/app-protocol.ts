import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { protocol } from 'electron';

export const appScheme = 'app';
export const appOrigin = `${appScheme}://lm-sandbox`;

/**
 * No source but the app's own files. Inline styles are needed by xterm.js' DOM renderer and by virtual lists, which
 * position elements through the style attribute.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "frame-src 'none'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

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
    const type = contentTypes[path.extname(file)] ?? 'application/octet-stream';
    return new Response(await readFile(file), { headers: securityHeaders(type) });
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
    'Content-Type': contentType,
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  };
}
