/** What the guards look at: of a request or an upgrade, before anything else is done with it. */
export interface RequestFacts {
  readonly method: string;
  /** Whether a link elsewhere may lead here: the pages themselves. */
  readonly navigable: boolean;
  /** Whether it changes something or opens a connection, so that it has to say where it comes from. */
  readonly acts: boolean;
  /** Each Host header there was. */
  readonly hosts: readonly string[];
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
  readonly fetchDestination: string | undefined;
}

/** What the door is reached by, such as `http://127.0.0.1:7410`. */
export type Origins = ReadonlySet<string>;

/** True when the request may pass. */
export type Guard = (facts: RequestFacts, origins: Origins) => boolean;

export interface Guards {
  readonly host: Guard;
  readonly origin: Guard;
  readonly fetchMetadata: Guard;
}

/**
 * Each alone turns an attack away; together they hold also where a browser leaves one of the headers out. They run
 * before routing, so no route can be forgotten, and on the upgrade, which a check of requests alone would miss.
 */
export const guards: Guards = {
  /** Only our own names: a foreign name that was made to resolve to this address (DNS rebinding) is not one. */
  host: ({ hosts }, origins) => {
    const [host, ...more] = hosts;
    if (host === undefined || more.length > 0) return false;
    return [...origins].some((origin) => new URL(origin).host === host.toLowerCase());
  },

  /**
   * Another page's request names that page. Where something is done the header must be there: "no Origin" would
   * else admit whatever leaves it out.
   */
  origin: ({ origin, hosts, acts }, origins) => {
    if (origin === undefined) return !acts;
    return origins.has(origin) && new URL(origin).host === hosts[0]?.toLowerCase();
  },

  /** What the browser itself says of where a request comes from; older ones and plain http elsewhere do not. */
  fetchMetadata: ({ fetchSite, fetchMode, fetchDestination, navigable, acts, method }) => {
    if (fetchSite === undefined || fetchSite === 'same-origin') return true;
    // Typed in or from a bookmark; no browser does anything but a navigation by itself.
    if (fetchSite === 'none' && !acts) return true;
    return navigable && method === 'GET' && fetchMode === 'navigate' && fetchDestination === 'document';
  },
};
