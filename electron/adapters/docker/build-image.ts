import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { LmError } from '../../contract';
import type { BuildEvent, BuildRequest } from '../../services/container/ports';
import { createBuildProgressReader } from './build-progress';
import { readLines, requestStream } from './engine-http';
import { mapBuildFailure, mapEngineFailure } from './error-table';
import { buildMessageSchema } from './wire';

const action = 'build the image';
const keptLines = 60;

/**
 * Builds with the classic builder of `POST /build` (version 1). It is the one builder that every engine from
 * 20.10 to the newest has behind this call (Podman's ignores the version and understands the same file),
 * reports its progress as plain JSON, needs no session of gRPC beside the request, and stops when the request
 * is destroyed. BuildKit would build stages side by side and skip unused ones; the Dockerfile is written so
 * that there is little of either to gain.
 */
export async function buildImage(
  docker: Docker,
  request: BuildRequest,
  onEvent: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<{ readonly imageId: string }> {
  const { context } = request;
  // A context that cannot be read ends the request, whose own error then would hide this one.
  let contextError: unknown;
  context.on('error', (error) => (contextError = error));
  const reader = createBuildProgressReader();
  const lastLines: string[] = [];
  let step: string | null = null;
  let imageId: string | null = null;
  const report = (event: BuildEvent) => {
    if (event.kind === 'step') {
      step = event.name;
      lastLines.length = 0;
    }
    if (event.kind === 'log') {
      lastLines.push(event.text);
      if (lastLines.length > keptLines) lastLines.shift();
    }
    onEvent(event);
  };
  try {
    const answer = await requestStream(docker, {
      method: 'POST',
      path: '/build',
      query: {
        dockerfile: request.dockerfile,
        t: request.reference,
        buildargs: JSON.stringify(request.buildArguments),
        rm: 'true',
        forcerm: 'true',
        version: '1',
        ...(request.target === null ? {} : { target: request.target }),
        ...(request.withoutCache ? { nocache: 'true' } : {}),
      },
      file: context,
      expect: [200],
      action,
      timeoutMs: null,
      signal,
    });
    for await (const line of readLines(answer)) {
      const message = readMessage(line);
      if (!message) continue;
      for (const event of reader.read(message)) report(event);
      const failure = message.errorDetail?.message ?? message.error;
      if (failure) {
        for (const event of reader.end()) report(event);
        throw mapBuildFailure(failure, step, lastLines);
      }
      imageId = message.aux?.ID ?? imageId ?? readImageId(message.stream);
    }
    for (const event of reader.end()) report(event);
    if (signal.aborted) throw new LmError('cancelled', 'The build was stopped.');
    if (imageId === null) {
      throw new LmError('engine_connection_lost', 'The engine ended the build without a result.', {
        retryable: true,
      });
    }
    return { imageId };
  } catch (error) {
    if (signal.aborted) throw new LmError('cancelled', 'The build was stopped.');
    if (contextError !== undefined) throw mapContextFailure(contextError);
    if (error instanceof LmError && error.data.details['statusCode'] !== undefined) {
      throw mapBuildFailure(String(error.data.details['reason']), step, lastLines);
    }
    throw mapEngineFailure(error, { action });
  } finally {
    context.destroy();
    await finished(context, { readable: true }).catch(() => undefined);
  }
}

function mapContextFailure(error: unknown): LmError {
  if (error instanceof LmError) return error;
  return new LmError('image_build_failed', 'The files of the image could not be read.', {
    details: { reason: error instanceof Error ? error.message : String(error) },
    cause: error,
  });
}

/** Podman gives no `aux` for the result before 5, but ends with the bare id. */
function readImageId(text: string | null | undefined): string | null {
  return /^(?:sha256:)?[0-9a-f]{64}$/.exec(text?.trim() ?? '')?.[0] ?? null;
}

function readMessage(line: string) {
  try {
    return buildMessageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // A line that is no JSON can only be the last one of a broken connection, which is reported as such.
    return undefined;
  }
}
