import { z } from 'zod';
import type { Engine } from '../support/engine.mjs';

const inspectionSchema = z.object({ Config: z.object({ Env: z.array(z.string()) }) });

/**
 * Asks the gateway past the app, with the token that the container has.
 * @returns The body of the answer.
 */
export async function callGateway(engine: Engine, hostPort: number, path: string): Promise<string> {
  const inspection = inspectionSchema.parse(await engine.call('GET', '/containers/lm_container/json'));
  const token = inspection.Config.Env.find((entry) => entry.startsWith('LM_API_TOKEN='))?.slice(
    'LM_API_TOKEN='.length,
  );
  const answer = await fetch(`http://127.0.0.1:${hostPort}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`The gateway answered ${path} with ${answer.status}: ${body}`);
  return body;
}
