const maxClipboardBytes = 64 * 1024;

/**
 * Text that an OSC 52 sequence (`Pc;base64`) asks to put on the clipboard. Null for a query (`?`), which is never
 * answered, for anything over 64 KiB and for what is not base64 of UTF-8.
 */
export function decodeClipboardRequest(data: string): string | null {
  const separator = data.indexOf(';');
  if (separator < 0) return null;
  const payload = data.slice(separator + 1);
  if (payload.length === 0 || payload.length > Math.ceil(maxClipboardBytes / 3) * 4) return null;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(payload)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(payload, 'base64'));
  } catch {
    // Not UTF-8: there is no text to put anywhere.
    return null;
  }
}
