/** What main and the host process tell each other beside the pages' ports. */
export interface HostStartOptions {
  readonly appVersion: string;
  readonly dataFolder: string;
  /** The docker/ folder whose image is built. */
  readonly dockerFolder: string;
  /** Build arguments for the image beside the Dockerfile's own defaults; for tests and air-gapped sites. */
  readonly imageBuildArguments: Readonly<Record<string, string>>;
}

export type ToHostMessage =
  | { readonly type: 'start'; readonly options: HostStartOptions }
  /** Comes with one MessagePort. */
  | { readonly type: 'connect'; readonly connectionId: string }
  | { readonly type: 'command'; readonly connectionId: string; readonly command: string }
  | { readonly type: 'stop' };

export type FromHostMessage =
  | { readonly type: 'openExternal'; readonly url: string }
  | { readonly type: 'theme'; readonly theme: 'light' | 'dark' | 'system' }
  /** Whether the host is to go on when the last window was closed: browsers may be attached. */
  | { readonly type: 'keepRunning'; readonly keep: boolean }
  /** There is a host for the data folder, and this app cannot use it. */
  | { readonly type: 'unusable'; readonly reason: string };
