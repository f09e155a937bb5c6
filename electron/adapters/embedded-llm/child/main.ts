import { toLmError, type ErrorData } from '../../../contract';
import { toChildSchema, type FromChild, type Order } from '../protocol';
import { LoadedModel, type AnswerListener, type Finish } from './loaded-model';
import { TextGatherer } from './text-gatherer';

/**
 * The process that holds one model; started by llm-process.ts, under plain Node. It ends with its host: when the
 * channel closes nobody could stop it any more.
 */
type Question = Extract<Order, { type: 'chat' | 'complete' | 'embed' }>;

let model: Promise<LoadedModel> | null = null;
let last: Promise<void> = Promise.resolve();
const stops = new Map<number, AbortController>();

function tell(message: FromChild): void {
  process.send?.(message);
}

function dataOf(error: unknown): ErrorData {
  return toLmError(error).data;
}

async function load({ file, threads }: Extract<Order, { type: 'load' }>): Promise<void> {
  let toldShare = 0;
  model = LoadedModel.load(file, threads, (share) => {
    if (share - toldShare < 0.01 && share < 1) return;
    toldShare = share;
    tell({ type: 'progress', share: Math.min(1, Math.max(0, share)) });
  });
  try {
    tell({ type: 'loaded', ...(await model).facts });
  } catch (error) {
    tell({ type: 'loadFailed', error: dataOf(error) });
  }
}

function answerOf(
  loaded: LoadedModel,
  request: Question,
  signal: AbortSignal,
  listener: AnswerListener,
): Promise<Finish> {
  const { id } = request;
  switch (request.type) {
    case 'chat':
      return loaded.answer(request, signal, listener);
    case 'complete':
      return loaded.complete(request, signal, listener);
    case 'embed':
      return loaded.embed(request, signal, (index, values) =>
        tell({ type: 'vector', id, index, values: [...values] }),
      );
  }
}

async function answer(request: Question, signal: AbortSignal): Promise<void> {
  const { id } = request;
  const gatherer = new TextGatherer((kind, text) => tell({ type: 'text', id, kind, text }));
  try {
    const loaded = await model;
    if (!loaded) throw new Error('A question came before a model.');
    if (signal.aborted) {
      tell({
        type: 'finish',
        id,
        reason: 'stopped',
        promptTokens: 0,
        cachedTokens: 0,
        promptMs: 0,
        answerMs: 0,
        answerTokens: 0,
        tokensPerSecond: null,
      });
      return;
    }
    const listener: AnswerListener = {
      onText: (kind, text) => gatherer.add(kind, text),
      onCall: (piece) => {
        gatherer.flush();
        tell({ type: 'call', id, ...piece });
      },
    };
    const finish = await answerOf(loaded, request, signal, listener);
    gatherer.flush();
    tell({ type: 'finish', id, ...finish });
  } catch (error) {
    gatherer.flush();
    const data = dataOf(error);
    tell({
      type: 'failed',
      id,
      error: data.code === 'internal' ? { ...data, code: 'generation_failed', retryable: true } : data,
    });
  } finally {
    stops.delete(id);
  }
}

process.on('message', (raw) => {
  const message = toChildSchema.parse(raw);
  switch (message.type) {
    case 'load':
      void load(message);
      break;
    case 'chat':
    case 'complete':
    case 'embed': {
      const stop = new AbortController();
      stops.set(message.id, stop);
      // One after the other: a second one at the same time would only make both slower.
      last = last.then(() => answer(message, stop.signal));
      break;
    }
    case 'stop':
      stops.get(message.id)?.abort();
      break;
  }
});
process.on('disconnect', () => process.exit(0));
