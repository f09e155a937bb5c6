import type { z } from 'zod';
import { LmError } from '../../contract';
import type {
  BuildEvent,
  BuildRequest,
  ContainerEngine,
  ContainerInspection,
  ContainerOptions,
  EngineEvent,
  EngineInformation,
  ImageInspection,
} from '../../services/container/ports';
import { buildImage } from './build-image';
import type { DockerConnection } from './connection';
import { readLines, requestJson, requestNothing, requestStream, type EngineRequest } from './engine-http';
import { mapEngineFailure, notResponding } from './error-table';
import { readTime, toInformation, toInspection } from './inspection';
import { readLogTail } from './log-tail';
import {
  containerListSchema,
  containerSchema,
  createdSchema,
  eventSchema,
  imageSchema,
  infoSchema,
  versionSchema,
} from './wire';

const quickTimeoutMs = 30_000;
/** Starting may wait for NVIDIA's hooks, removing for a big writable layer. */
const slowTimeoutMs = 180_000;

/** One engine through dockerode: Docker from 20.10 on, or Podman's Docker API. */
export class DockerEngine implements ContainerEngine {
  readonly endpoint;

  constructor(readonly connection: DockerConnection) {
    this.endpoint = connection.endpoint;
  }

  async ping(timeoutMs: number): Promise<void> {
    await this.call({
      method: 'GET',
      path: '/_ping',
      expect: [200],
      action: 'answer a ping',
      timeoutMs,
    });
  }

  async readInformation(): Promise<EngineInformation> {
    const get = { method: 'GET', expect: [200], timeoutMs: quickTimeoutMs } as const;
    const version = await this.json({ ...get, path: '/version', action: 'say its version' }, versionSchema);
    const info = await this.json({ ...get, path: '/info', action: 'describe itself' }, infoSchema);
    return toInformation(version, info, this.connection.apiVersion);
  }

  async followEvents(options: {
    readonly signal: AbortSignal;
    readonly onOpen: () => void;
    readonly onEvent: (event: EngineEvent) => void;
  }): Promise<void> {
    const action = 'report events';
    try {
      const stream = await requestStream(this.connection.docker, {
        method: 'GET',
        path: '/events',
        query: { filters: JSON.stringify({ type: ['container', 'image', 'daemon'] }) },
        expect: [200],
        action,
        timeoutMs: quickTimeoutMs,
        signal: options.signal,
      });
      options.onOpen();
      for await (const line of readLines(stream)) {
        const event = readEvent(line);
        if (event) options.onEvent(event);
      }
    } catch (error) {
      if (options.signal.aborted) return;
      throw this.explain(mapEngineFailure(error, { action }));
    }
  }

  async inspectContainer(nameOrId: string): Promise<ContainerInspection | null> {
    return this.orNull('container_missing', async () =>
      toInspection(
        await this.json(
          {
            method: 'GET',
            path: `/containers/${encodeURIComponent(nameOrId)}/json`,
            expect: [200],
            action: 'describe the container',
            timeoutMs: quickTimeoutMs,
          },
          containerSchema,
        ),
      ),
    );
  }

  async findContainers(namePrefix: string): Promise<readonly ContainerInspection[]> {
    const listed = await this.json(
      {
        method: 'GET',
        path: '/containers/json',
        // Engines take the name for a pattern, so it only narrows what they send.
        query: { all: 'true', filters: JSON.stringify({ name: [namePrefix] }) },
        expect: [200],
        action: 'list containers',
        timeoutMs: quickTimeoutMs,
      },
      containerListSchema,
    );
    const found = await Promise.all(listed.map(({ Id }) => this.inspectContainer(Id)));
    return found.flatMap((container) => (container?.name.startsWith(namePrefix) ? [container] : []));
  }

  async inspectImage(reference: string): Promise<ImageInspection | null> {
    return this.orNull('image_missing', async () => {
      const answer = await this.json(
        {
          method: 'GET',
          path: `/images/${reference}/json`,
          expect: [200],
          action: 'describe the image',
          timeoutMs: quickTimeoutMs,
        },
        imageSchema,
      );
      return {
        id: answer.Id,
        sizeBytes: answer.Size,
        createdAtMs: readTime(answer.Created),
        labels: answer.Config?.Labels ?? {},
        // Some engines write the lack of a name out.
        references: (answer.RepoTags ?? []).filter((reference) => !reference.startsWith('<none>')),
        user: answer.Config?.User ?? '',
      };
    });
  }

  async removeUnusedImage(id: string): Promise<void> {
    await this.call({
      method: 'DELETE',
      path: `/images/${id}`,
      // 409: it is in use.
      expect: [200, 404, 409],
      action: 'remove an image that is not needed any more',
      timeoutMs: slowTimeoutMs,
    });
  }

  async createContainer(name: string, options: ContainerOptions): Promise<string> {
    const answer = await this.json(
      {
        method: 'POST',
        path: '/containers/create',
        query: { name },
        body: options,
        expect: [200, 201],
        action: 'create the container',
        fallback: 'container_failed',
        timeoutMs: slowTimeoutMs,
      },
      createdSchema,
    );
    return answer.Id;
  }

  async startContainer(id: string): Promise<void> {
    const container = await this.inspectContainer(id);
    const verb = container?.state === 'paused' ? 'unpause' : 'start';
    await this.call({
      method: 'POST',
      path: `/containers/${id}/${verb}`,
      expect: [204, 304],
      action: 'start the container',
      fallback: 'container_failed',
      timeoutMs: slowTimeoutMs,
    });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.call({
      method: 'POST',
      path: `/containers/${id}/stop`,
      query: { t: String(graceSeconds) },
      expect: [204, 304],
      action: 'stop the container',
      fallback: 'container_failed',
      timeoutMs: slowTimeoutMs + graceSeconds * 1_000,
    });
  }

  async renameContainer(id: string, name: string): Promise<void> {
    await this.call({
      method: 'POST',
      path: `/containers/${id}/rename`,
      query: { name },
      expect: [200, 204],
      action: 'rename the container',
      fallback: 'container_failed',
      timeoutMs: quickTimeoutMs,
    });
  }

  async removeContainer(id: string): Promise<void> {
    await this.call({
      method: 'DELETE',
      path: `/containers/${id}`,
      query: { force: 'true' },
      expect: [200, 204, 404],
      action: 'remove the container',
      fallback: 'container_failed',
      timeoutMs: slowTimeoutMs,
    });
  }

  async removeVolume(name: string): Promise<void> {
    await this.call({
      method: 'DELETE',
      path: `/volumes/${encodeURIComponent(name)}`,
      expect: [204, 404],
      action: `remove the volume ${name}`,
      timeoutMs: slowTimeoutMs,
    });
  }

  async containersPublishing(hostPort: number): Promise<readonly string[]> {
    const containers = await this.json(
      {
        method: 'GET',
        path: '/containers/json',
        expect: [200],
        action: 'list containers',
        timeoutMs: quickTimeoutMs,
      },
      containerListSchema,
    );
    return containers
      .filter((container) =>
        container.Ports?.some((port) => port.PublicPort === hostPort && port.Type !== 'udp'),
      )
      .map((container) => container.Names?.[0]?.replace(/^\//, '') ?? 'without a name');
  }

  async readLogTail(id: string, lines: number): Promise<readonly string[]> {
    try {
      return await readLogTail(this.connection.docker, id, lines, quickTimeoutMs);
    } catch (error) {
      throw this.explain(mapEngineFailure(error, { action: 'read the log' }));
    }
  }

  async buildImage(
    request: BuildRequest,
    onEvent: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<{ readonly imageId: string }> {
    return buildImage(this.connection.docker, request, onEvent, signal);
  }

  private async call(request: EngineRequest): Promise<void> {
    try {
      await requestNothing(this.connection.docker, request);
    } catch (error) {
      throw this.explain(mapEngineFailure(error, request));
    }
  }

  private async json<S extends z.ZodType>(request: EngineRequest, schema: S): Promise<z.infer<S>> {
    try {
      return await requestJson(this.connection.docker, request, schema);
    } catch (error) {
      throw this.explain(mapEngineFailure(error, request));
    }
  }

  private async orNull<T>(missing: LmError['code'], read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof LmError && (error.code === missing || error.data.details['statusCode'] === 404)) {
        return null;
      }
      throw error;
    }
  }

  /** Names this engine in an error that was made without knowing it. */
  private explain(error: LmError): LmError {
    if (error.code !== 'engine_not_responding') return error;
    return notResponding(this.endpoint.label, Number(error.data.details['timeoutMs']));
  }
}

function readEvent(line: string): EngineEvent | null {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return null;
  }
  const event = eventSchema.safeParse(json).data;
  if (!event?.Action) return null;
  const type = event.Type;
  if (type !== 'container' && type !== 'image' && type !== 'daemon') return null;
  return {
    type,
    // `health_status: healthy`, `exec_create: sh`
    action: event.Action.split(':')[0] ?? event.Action,
    id: event.Actor?.ID ?? '',
    name: event.Actor?.Attributes?.['name'] ?? null,
  };
}
