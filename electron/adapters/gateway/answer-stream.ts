import type { LmError, Runtime } from '../../contract';
import type { ChatEvent } from '../../services/models/ports';
import { mapRuntimeError, readErrorBody } from './errors';
import { readBody, type GatewayCall, type GatewayClient } from './gateway-client';
import type { AnswerParser } from './answer-parser';

/** Reads one answer to its end; throws the error that the runtime put into the stream or that cut it. */
export async function* streamAnswer(
  client: GatewayClient,
  call: GatewayCall,
  refusal: (status: number, body: string) => LmError,
  parser: AnswerParser,
): AsyncGenerator<ChatEvent, void, undefined> {
  const response = await client.open(call);
  if (response.status !== 200) {
    throw refusal(response.status, await readAll(response.body, call));
  }
  for await (const bytes of readBody(response.body, call)) {
    for (const event of parser.push(bytes)) {
      if (event.kind === 'error') throw event.error;
      yield event;
      // Nothing after the end of the answer counts; leaving here closes the connection.
      if (event.kind === 'finish') return;
    }
  }
  for (const event of parser.end()) {
    if (event.kind === 'error') throw event.error;
    yield event;
  }
}

export async function readAll(
  body: AsyncIterable<unknown>,
  call: Pick<GatewayCall, 'signal' | 'during'>,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) {
    if (piece instanceof Uint8Array) pieces.push(piece);
    if (call.signal.aborted) break;
  }
  return Buffer.concat(pieces).toString('utf8').slice(0, 100_000);
}

/** The usual refusal: the error body mapped by table. */
export function refusalOf(runtime: Runtime, model: string): (status: number, body: string) => LmError {
  return (status, body) => mapRuntimeError(runtime, model, readErrorBody(status, body));
}
