import { app, session, type WebContents } from 'electron';
import { appOrigin } from './app-protocol';

/** Permissions a page may use; writing to the clipboard also needs a gesture, which Chromium checks. */
const allowedPermissions = new Set(['clipboard-sanitized-write']);

/** Guards that hold for every web contents there will ever be, set before the first window. */
export function guardWebContents(onViolation: (what: string, url: string) => void): void {
  app.on('web-contents-created', (_event, contents) => guard(contents, onViolation));
}

function guard(contents: WebContents, onViolation: (what: string, url: string) => void): void {
  const denyNavigation = (event: { preventDefault(): void }, url: string) => {
    if (isAppUrl(url)) return;
    event.preventDefault();
    onViolation('navigation', url);
  };
  contents.on('will-navigate', (event, url) => denyNavigation(event, url));
  contents.on('will-redirect', (event, url) => denyNavigation(event, url));
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
    onViolation('webview', contents.getURL());
  });
  contents.setWindowOpenHandler(({ url }) => {
    onViolation('window', url);
    return { action: 'deny' };
  });
}

export function guardSession(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((contents, permission, callback) => {
    callback(isAppUrl(contents.getURL()) && allowedPermissions.has(permission));
  });
  defaultSession.setPermissionCheckHandler(
    (_contents, permission, origin) => isAppUrl(origin) && allowedPermissions.has(permission),
  );
  defaultSession.setDevicePermissionHandler(() => false);
  // The page needs nothing from a network; whatever slips through the content policy ends here.
  defaultSession.webRequest.onBeforeRequest((details, callback) => {
    callback({ cancel: !isAllowedRequest(details.url) });
  });
}

export function isAppUrl(url: string): boolean {
  try {
    const parsed = new URL(url);
    return `${parsed.protocol}//${parsed.host}` === appOrigin;
  } catch {
    return false;
  }
}

function isAllowedRequest(url: string): boolean {
  return (
    isAppUrl(url) ||
    url.startsWith('devtools:') ||
    url.startsWith('data:') ||
    url.startsWith(`blob:${appOrigin}`)
  );
}
