import { z } from 'zod';
import { idSchema, nothingSchema, revisionSchema, timeMsSchema } from './common';
import { event, method, stream } from './define';
import { errorDataSchema } from './errors';

/** A browser that has signed in. */
export const doorSessionSchema = z.object({
  id: idSchema,
  createdAtMs: timeMsSchema,
  lastSeenAtMs: timeMsSchema,
  /** Network address that it was last seen from. */
  address: z.string().max(64),
  /** What the browser says it is (User-Agent), shortened. */
  agent: z.string().max(256),
  /** Pages of it that are connected now. */
  connectedPages: z.number().int().nonnegative(),
});
export type DoorSession = z.infer<typeof doorSessionSchema>;

/** The door by which browsers reach this host. */
export const doorStateSchema = z.object({
  revision: revisionSchema,
  state: z.enum(['closed', 'opening', 'open']),
  /** Where it is reached, such as `http://127.0.0.1:7410`; null while it is not open. */
  origin: z.string().nullable(),
  /** Brings it to another computer, to be typed there; null where none is needed. */
  tunnelCommand: z.string().nullable(),
  /** Whether it can be opened and closed from here; a headless host has no other door. */
  switchable: z.boolean(),
  /** Why it could not be opened. */
  error: errorDataSchema.nullable(),
  sessions: z.array(doorSessionSchema),
});
export type DoorState = z.infer<typeof doorStateSchema>;

export const doorLinkSchema = z.object({
  /** Signs one browser in, once. The token stands in the fragment, which no server and no log gets to see. */
  url: z.string(),
  expiresAtMs: timeMsSchema,
});
export type DoorLink = z.infer<typeof doorLinkSchema>;

export const doorMethods = {
  'door.status': method({ input: nothingSchema, output: doorStateSchema }),
  /** The session by which the caller itself is connected; null for a desktop window. */
  'door.own': method({ input: nothingSchema, output: z.object({ sessionId: idSchema.nullable() }) }),
  /** `conflict` while the door is not open. */
  'door.createLink': method({ input: nothingSchema, output: doorLinkSchema, errors: ['conflict'] }),
  /** Signs a browser out: its pages are disconnected at once, and it cannot come back without a new link. */
  'door.revoke': method({
    input: z.object({ sessionId: idSchema }),
    output: nothingSchema,
    errors: ['not_found', 'storage_failed'],
  }),
  /** Opens or closes the door, now and for later starts. */
  'door.setOpen': method({
    input: z.object({ open: z.boolean() }),
    output: doorStateSchema,
    errors: ['unsupported', 'port_in_use', 'storage_failed', 'disk_full'],
  }),
};

export const doorStreams = {
  /**
   * Opens the door of a host in the background for as long as the stream is open: it closes with whoever asked, however
   * that ends. A chunk once it is open; the stream ends when somebody else has closed the door. `conflict` where it is
   * open already, `unsupported` where the host does not run in the background.
   */
  'door.hold': stream({
    input: nothingSchema,
    chunk: doorStateSchema,
    policy: 'latest-wins',
    windowBytes: 256 * 1024,
  }),
};

export const doorEvents = { 'door.changed': event(doorStateSchema) };

export const signInRequestSchema = z.strictObject({ token: z.string().min(1).max(128) });
/** The cookie comes beside it. The key is kept by the page's origin, which cookies do not know ports of. */
export const signInAnswerSchema = z.object({ key: z.string().min(1).max(128) });

/** First message of a page on its WebSocket. */
export const doorHelloSchema = z.strictObject({
  type: z.literal('hello'),
  key: z.string().min(1).max(128),
});
