import { z } from 'zod';
import { mapRuntimeError, readErrorBody, toolsUnsupported } from './errors';
import type { GatewayClient } from './gateway-client';

/** What llama-server found out about a model's chat template; builds before 2026 do not tell. */
const capabilitiesSchema = z.object({
  chat_template_caps: z.object({ supports_tools: z.boolean().nullish() }).nullish(),
});

/**
 * llama-server silently leaves tools out of a question whose template has no place for them, also where a call is
 * required. The model has to be loaded.
 * @throws LmError `unsupported`.
 */
export async function requireToolsInTemplate(
  client: GatewayClient,
  model: string,
  signal: AbortSignal,
): Promise<void> {
  const { status, body } = await client.text({
    method: 'GET',
    path: `/llama-cpp/props?${new URLSearchParams({ model }).toString()}`,
    signal,
    during: `asking whether ${model} knows tools`,
  });
  const failed = () => mapRuntimeError('llama-cpp', model, readErrorBody(status, body));
  if (status !== 200) throw failed();
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw failed();
  }
  const read = capabilitiesSchema.safeParse(json);
  if (!read.success) throw failed();
  if (read.data.chat_template_caps?.supports_tools === false) {
    throw toolsUnsupported(model, 'Its chat template has no place for tools.');
  }
}
