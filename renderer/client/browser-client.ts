import {
  doorCloseCodes,
  doorKeyStorageName,
  doorPaths,
  doorSignedOutFragment,
  doorTokenParameter,
} from '../../electron/contract/door-paths';
import {
  protocolVersion,
  type MethodInput,
  type MethodName,
  type MethodOutput,
} from '../../electron/contract';
import { RpcClient } from '../../electron/rpc/client';
import type { HostClient } from '../../electron/rpc/client-types';
import type { Transport } from '../../electron/rpc/transport';
import { webSocketTransport } from '../../electron/rpc/transports/web-socket';

const firstDelayMs = 250;
const maxDelayMs = 10_000;

/** What of a browser's window the connection needs, so that tests can hold it. */
export interface BrowserSurroundings {
  readonly openSocket: (path: string) => WebSocket;
  /** The status of the answer, or null when nobody answered. */
  readonly sessionStatus: () => Promise<number | null>;
  readonly readKey: () => string | null;
  readonly leaveFor: (url: string) => void;
  readonly reload: () => void;
  readonly after: (delayMs: number, action: () => void) => void;
  /** Fires when it is worth trying at once: the network is back, or somebody looks at the page. */
  readonly onWorthTrying: (listener: () => void) => void;
  readonly openPage: (url: string) => void;
}

/** A client whose desktop is the browser around it. */
class BrowserClient extends RpcClient {
  constructor(private readonly openPage: (url: string) => void) {
    super();
  }

  override call<N extends MethodName>(
    name: N,
    input: MethodInput<N>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<MethodOutput<N>> {
    if (name === 'app.openExternal') {
      const { url } = input as MethodInput<'app.openExternal'>;
      this.openPage(url);
      return Promise.resolve(null as MethodOutput<N>);
    }
    return super.call(name, input, options);
  }
}

/**
 * The client of a page in a browser. It connects again for as long as it is signed in, ever more slowly while
 * nobody answers; when it was signed out it goes to the sign-in page, which says so.
 */
export function connectBrowser(around: BrowserSurroundings = surroundings()): HostClient {
  const client = new BrowserClient(around.openPage);
  let delayMs = firstDelayMs;
  let socket: WebSocket | null = null;
  /** Each wait has a number, so that one that was cut short does nothing later. */
  let wait = 0;

  const leave = () => around.leaveFor(`${doorPaths.signIn}#${doorSignedOutFragment}`);

  const connect = () => {
    wait += 1;
    const key = around.readKey();
    if (key === null) {
      around.leaveFor(doorPaths.signIn);
      return;
    }
    const current = around.openSocket(doorPaths.rpc);
    socket = current;
    current.addEventListener('open', () => {
      current.send(JSON.stringify({ type: 'hello', key }));
      client.attach(onForeignWelcome(webSocketTransport(current), around.reload));
    });
    current.addEventListener('close', ({ code }) => {
      if (socket !== current) return;
      socket = null;
      if (code === doorCloseCodes.signedOut) leave();
      else void retry();
    });
  };

  const retry = async () => {
    // A refused upgrade looks like a network failure to a page, so the reason is asked for.
    if ((await around.sessionStatus()) === 401) {
      leave();
      return;
    }
    wait += 1;
    const mine = wait;
    // Pages that lost the same host do not all come back in the same moment.
    around.after(delayMs * (0.75 + Math.random() / 2), () => {
      if (mine === wait) connect();
    });
    delayMs = Math.min(maxDelayMs, delayMs * 2);
  };

  client.onConnectionChanged((state) => {
    if (state === 'connected') delayMs = firstDelayMs;
  });
  around.onWorthTrying(() => {
    if (socket === null && wait > 0) connect();
  });
  connect();
  return client;
}

/** The host was replaced by one of another version while the page was open: only its own page can talk to it. */
function onForeignWelcome(transport: Transport, reload: () => void): Transport {
  return {
    ...transport,
    onFrame: (listener) =>
      transport.onFrame((frame) => {
        const version: unknown =
          typeof frame === 'object' && frame !== null ? Reflect.get(frame, 'protocolVersion') : undefined;
        if (version !== undefined && version !== protocolVersion) reload();
        listener(frame);
      }),
  };
}

/** A token of a link that led to the app itself has done nothing here, and should not stay in the address bar. */
export function dropTokenFromAddress(): void {
  if (!window.location.hash.startsWith(`#${doorTokenParameter}=`)) return;
  window.history.replaceState(null, '', window.location.pathname);
}

function surroundings(): BrowserSurroundings {
  return {
    openSocket: (path) => {
      const url = new URL(path, window.location.href);
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      url.hash = '';
      return new WebSocket(url);
    },
    sessionStatus: () =>
      fetch(doorPaths.session, { cache: 'no-store' }).then(
        ({ status }) => status,
        () => null,
      ),
    readKey: () => {
      try {
        return window.localStorage.getItem(doorKeyStorageName);
      } catch {
        // A browser that forbids storage cannot stay signed in.
        return null;
      }
    },
    leaveFor: (url) => window.location.replace(url),
    reload: () => window.location.reload(),
    after: (delayMs, action) => {
      window.setTimeout(action, delayMs);
    },
    onWorthTrying: (listener) => {
      window.addEventListener('online', listener);
      document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'visible') listener();
      });
    },
    openPage: (url) => {
      window.open(url, '_blank', 'noopener,noreferrer');
    },
  };
}
