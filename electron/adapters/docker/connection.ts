import type Docker from 'dockerode';
import type { EngineEndpoint } from '../../contract';

/** A live, version-negotiated connection to one engine. Nothing of it leaves this folder. */
export interface DockerConnection {
  readonly docker: Docker;
  readonly endpoint: EngineEndpoint;
  /** Negotiated API version such as `1.51`. */
  readonly apiVersion: string;
}

/** The current connection; throws an LmError (`engine_…`) while there is none. */
export type DockerConnectionProvider = () => DockerConnection;
