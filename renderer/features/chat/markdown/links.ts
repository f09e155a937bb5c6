const allowedProtocols = new Set(['http:', 'https:', 'mailto:']);

/** The address a link may lead to, or null: only absolute http, https and mailto addresses pass. */
export function safeUrl(href: string | undefined): URL | null {
  if (!href) return null;
  try {
    const url = new URL(href);
    return allowedProtocols.has(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** Where a link really leads, in few words: the host in ASCII, so that look-alike letters show. */
export function realHost(url: URL): string {
  if (url.protocol === 'mailto:') return url.pathname;
  const account = url.username === '' ? '' : `${url.username}@`;
  return `${account}${url.host}`;
}
