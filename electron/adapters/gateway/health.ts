import { z } from 'zod';
import { LmError, sandboxPartSchema, type SandboxPart } from '../../contract';
import type { GatewayHealth, GatewayHealthReport } from '../../services/container/ports';

const partSchema = z.object({
  state: z.string().nullish(),
  restarts: z.number().int().nonnegative().nullish(),
  last_error: z.string().nullish(),
});

const reportSchema = z.object({ status: z.string(), parts: z.record(z.string(), z.unknown()) });

/** Reads `GET /health` of the gateway in the container. Fields and parts it does not know are left out. */
export function createGatewayHealth(fetchAnswer: typeof fetch = fetch): GatewayHealth {
  return {
    read: async ({ url, token, timeoutMs, signal }) => {
      const controller = new AbortController();
      const stop = () => controller.abort();
      const timer = setTimeout(stop, timeoutMs);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        const answer = await fetchAnswer(`${url}/health`, {
          headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
          signal: controller.signal,
          // The token goes to the gateway and to nobody it might point at.
          redirect: 'error',
        });
        if (answer.status === 401 || answer.status === 403) throw unauthorized();
        return readReport(await answer.text());
      } catch (error) {
        if (error instanceof LmError) throw error;
        throw new LmError('gateway_unreachable', "The sandbox's gateway does not answer.", {
          details: { url, reason: reasonOf(error) },
          retryable: true,
          cause: error,
        });
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
      }
    },
  };
}

function readReport(text: string): GatewayHealthReport {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const report = reportSchema.safeParse(json).data;
  if (!report) {
    throw new LmError(
      'gateway_unreachable',
      "Something else than the sandbox's gateway answers on its port.",
      {
        details: { answer: text.slice(0, 200) },
        repair: {
          text: 'Stop that program, or choose another port in the settings and recreate the sandbox.',
        },
      },
    );
  }
  // `degraded` says that a model server is not ready, which its part shows; the gateway itself works.
  return {
    ok: true,
    parts: Object.entries(report.parts).flatMap(([name, part]) => readPart(name, part) ?? []),
  };
}

function readPart(name: string, value: unknown): SandboxPart | null {
  const known = sandboxPartSchema.shape.name.safeParse(name.replaceAll('_', '-')).data;
  const part = partSchema.safeParse(value).data;
  if (!known || !part) return null;
  return {
    name: known,
    state: sandboxPartSchema.shape.state.safeParse(part.state).data ?? 'unknown',
    restarts: part.restarts ?? null,
    lastError: part.last_error ?? null,
  };
}

function unauthorized(): LmError {
  return new LmError('gateway_unauthorized', "The sandbox's gateway refuses this app's token.", {
    repair: { text: 'Recreate the sandbox; it then has a new token.' },
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : null;
  return typeof code === 'string' ? code : error.message;
}
