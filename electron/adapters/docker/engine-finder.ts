import { LmError, type EngineEndpoint } from '../../contract';
import type { EngineCandidate, EngineFinder } from '../../services/container/ports';
import { createDocker, negotiateApiVersion } from './connect';
import { createDeadline } from './deadline';
import { DockerEngine } from './docker-engine';
import { parseEndpoint, type TlsMaterial } from './endpoint-address';
import { findEndpoints, isEngineInstalled, type EndpointEnvironment } from './endpoints';
import { requestJson } from './engine-http';
import { mapConnectFailure, notResponding } from './error-table';
import { versionSchema } from './wire';

/** Finds engines as docker's client does, and speaks to them through dockerode. */
export function createEngineFinder(environment: EndpointEnvironment): EngineFinder {
  return {
    find: async (engineUrl) =>
      (await findEndpoints(environment, engineUrl)).map(({ endpoint, tls }) =>
        createCandidate(endpoint, tls),
      ),
    isInstalled: () => isEngineInstalled(environment),
  };
}

function createCandidate(endpoint: EngineEndpoint, tls: TlsMaterial | undefined): EngineCandidate {
  return {
    endpoint,
    connect: async ({ timeoutMs, signal }) => {
      const address = parseEndpoint(endpoint.url, tls);
      const deadline = createDeadline(timeoutMs, signal);
      try {
        const version = await requestJson(
          createDocker(address, null),
          {
            method: 'GET',
            path: '/version',
            expect: [200],
            action: 'say its version',
            timeoutMs: null,
            signal: deadline.signal,
          },
          versionSchema,
        );
        const apiVersion = negotiateApiVersion({
          version: version.Version,
          apiVersion: version.ApiVersion,
          minApiVersion: version.MinAPIVersion || null,
        });
        return new DockerEngine({ docker: createDocker(address, apiVersion), endpoint, apiVersion });
      } catch (error) {
        if (deadline.expired()) throw notResponding(address.place, timeoutMs);
        if (signal.aborted) throw new LmError('cancelled', 'The search was stopped.');
        const lost = error instanceof LmError && error.code === 'engine_connection_lost';
        throw mapConnectFailure(lost ? error.cause : error, address.place);
      } finally {
        deadline.release();
      }
    },
  };
}
