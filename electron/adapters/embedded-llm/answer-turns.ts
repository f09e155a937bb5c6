import { CalledTools, readCalls, type ChatEvent, type ChatRequest } from '../../services/models';
import type { GenerationEvent, GenerationOrder } from './llm-process';

type Generate = (name: string, order: GenerationOrder, signal: AbortSignal) => AsyncIterable<GenerationEvent>;

const reasons = { stop: 'stop', length: 'length', calls: 'calls', stopped: 'unknown' } as const;

/** The port's `chat` by what the model process tells. */
export async function* answerTurns(
  generate: Generate,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent, void, undefined> {
  readCalls(request);
  const { model, turns, options, offer } = request;
  const called = new CalledTools(model, offer);
  const order: GenerationOrder = {
    type: 'chat',
    turns: [...turns],
    temperature: options.temperature,
    maxTokens: options.maxTokens,
    ...(offer ? { tools: [...offer.tools], toolChoice: offer.choice } : {}),
  };
  for await (const event of generate(model, order, signal)) {
    switch (event.type) {
      case 'text':
        yield { kind: event.kind, text: event.text };
        break;
      case 'call':
        called.add(event.index, { name: event.name, text: event.text });
        break;
      case 'finish': {
        const { promptTokens, answerTokens, tokensPerSecond } = event;
        yield* called.end(reasons[event.reason], { promptTokens, answerTokens, tokensPerSecond });
        break;
      }
    }
  }
}
