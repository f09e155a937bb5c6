import { LmError } from '../../contract';
import type { ContainerEngine } from '../../services/container/ports';
import type { DockerConnectionProvider } from './connection';
import { DockerEngine } from './docker-engine';

export { createBuildContext } from './build-context';
export { createEngineFinder } from './engine-finder';
export type { EndpointEnvironment } from './endpoints';
export type { DockerConnectionProvider } from './connection';

/** The connection under the engine in use, for the other adapters of this folder. */
export function createConnectionProvider(requireEngine: () => ContainerEngine): DockerConnectionProvider {
  return () => {
    const engine = requireEngine();
    if (engine instanceof DockerEngine) return engine.connection;
    throw new LmError('unsupported', 'This engine is not spoken to through dockerode.');
  };
}
