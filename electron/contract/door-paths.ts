/** Where the door's parts are found, below its origin. Without zod, so that the sign-in page stays small. */
export const doorPaths = {
  app: '/',
  signIn: '/sign-in',
  /** POST exchanges a one-time token for a session, GET says whether there is one, DELETE ends it. */
  session: '/session',
  rpc: '/rpc',
} as const;

/** In the fragment of a one-time link. */
export const doorTokenParameter = 'token';

/** The whole fragment of the sign-in page when a browser was signed out while it was open. */
export const doorSignedOutFragment = 'signed-out';

/** Where a page keeps its key, by the name of localStorage. */
export const doorKeyStorageName = 'lm-sandbox.door-key';

/** Close codes of the WebSocket beside the standard's own; 4000 to 4999 are for applications. */
export const doorCloseCodes = {
  /** There is no such session any more, or the key is not its key: sign in again. */
  signedOut: 4401,
} as const;
