import type { ChatMessage, ModelReference } from '../../contract';
import { note, sayJson, type Context } from './context';
import { CliFailure, failure, usage } from './failure';
import type { HostLink } from './host-link';
import { findModel } from './models-verb';
import { readSandbox } from './sandbox-verbs';

export const chatOptions = {
  model: 'value',
  system: 'value',
  temperature: 'value',
  'max-tokens': 'value',
  keep: 'flag',
  thinking: 'flag',
} as const;
const windowBytes = 1024 * 1024;
const interruptedExitCode = 130;
const maxPipedCharacters = 1_000_000;

interface Conversation {
  readonly context: Context;
  readonly link: HostLink;
  readonly id: string;
  readonly model: ModelReference;
}

/** One question, from the command line or standard input; at a terminal, without a question, a conversation. */
export async function chat(context: Context): Promise<number> {
  const { given } = context;
  const words = [...given.words, ...(given.rest ?? [])].join(' ');
  const piped = process.stdin.isTTY || words !== '' ? null : await readPiped();
  const question = words !== '' ? words : piped;
  if (question?.trim() === '') throw usage('There is no question.', 'chat');
  const link = await context.connect();
  await readSandbox(link);
  const model = await chooseModel(context, link);
  const { id } = await link.call('chat.create', { model });
  const system = given.value('system');
  if (system !== null) await link.call('chat.update', { conversationId: id, systemPrompt: system });
  const conversation = { context, link, id, model };
  try {
    if (question !== null) return await ask(conversation, question);
    return await converse(conversation);
  } finally {
    // Kept in the app's list only where that is wanted.
    if (!given.flag('keep')) await link.call('chat.remove', { conversationId: id }).catch(() => undefined);
  }
}

async function readPiped(): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of process.stdin) {
    if (piece instanceof Uint8Array) text += decoder.decode(piece, { stream: true });
    if (text.length > maxPipedCharacters) throw failure('too_large', 'The question is too long.');
  }
  return text;
}

/** The one that is named; else one that is loaded; else the only one. */
async function chooseModel({ given }: Context, link: HostLink): Promise<ModelReference> {
  const name = given.value('model');
  if (name !== null) return findModel(link, name);
  const { models } = await link.call('models.list', null);
  const chosen =
    models.find(({ load }) => load.state === 'loaded') ?? (models.length === 1 ? models[0] : undefined);
  if (chosen) return chosen.reference;
  if (models.length === 0) {
    throw failure('model_not_found', 'There is no model yet.', {
      text: 'Fetch one; this lists small ones:',
      command: 'lm-sandbox models',
    });
  }
  throw failure('model_not_found', 'There are several models.', {
    text: `Say which: --model ${models.map(({ reference }) => reference.name).join(', --model ')}.`,
  });
}

function generationOptions({ given }: Context) {
  const number = (name: 'temperature' | 'max-tokens') => {
    const text = given.value(name);
    if (text === null) return null;
    if (text.trim() !== '' && Number(text) >= 0) return Number(text);
    throw usage(`“${text}” is no number for --${name}.`, 'chat');
  };
  return { temperature: number('temperature'), maxTokens: number('max-tokens') };
}

/** Prints the answer as it comes; Ctrl+C stops it, and what was written stays. */
async function ask({ context, id, link, model }: Conversation, text: string): Promise<number> {
  const { json } = context;
  let interrupted = false;
  const stop = () => {
    if (interrupted) process.exit(interruptedExitCode);
    interrupted = true;
    link.call('chat.stop', { conversationId: id }).catch(() => undefined);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const showThinking = context.given.flag('thinking');
  try {
    const sent = await link.call('chat.send', {
      conversationId: id,
      text,
      model,
      options: generationOptions(context),
    });
    const answer = await new Promise<ChatMessage>((resolve, reject) => {
      let printed = 0;
      const whole = (message: ChatMessage) => {
        if (message.id !== sent.assistantMessageId) return;
        // The snapshot may hold what deltas would have told.
        if (!json) process.stdout.write(message.content.slice(printed));
        else if (message.content.length > printed) {
          sayJson({ type: 'delta', content: message.content.slice(printed), thinking: '' });
        }
        printed = Math.max(printed, message.content.length);
        if (message.status === 'streaming') return;
        watching.close();
        resolve(message);
      };
      const watching = link.watch('chat.watch', { conversationId: id }, windowBytes, {
        onChunk: (chunk, consumed) => {
          if (chunk.kind === 'delta' && chunk.messageId === sent.assistantMessageId) {
            const { content, thinking } = chunk;
            printed += content.length;
            if (json) sayJson({ type: 'delta', content, thinking });
            else {
              process.stdout.write(content);
              if (showThinking) process.stderr.write(thinking);
            }
          }
          if (chunk.kind === 'message') whole(chunk.message);
          if (chunk.kind === 'snapshot' || chunk.kind === 'more') chunk.messages.forEach(whole);
          if (process.stdout.writableNeedDrain) process.stdout.once('drain', consumed);
          else consumed();
        },
        onEnd: () => reject(failure('disconnected', 'The answer was cut off.')),
        onError: reject,
      });
    });
    const { content, error, metrics, status } = answer;
    if (json) sayJson({ type: 'end', status, content, model, metrics, error });
    else if (!content.endsWith('\n')) process.stdout.write('\n');
    if (status === 'failed') {
      throw error ? new CliFailure(error) : failure('generation_failed', 'The answer failed.');
    }
    return interrupted ? interruptedExitCode : 0;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

async function converse(conversation: Conversation): Promise<number> {
  const { createInterface } = await import('node:readline');
  note(`· ${conversation.model.name}. Ctrl+C stops an answer, Ctrl+D ends this.`);
  for (;;) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const question = await new Promise<string | null>((resolve) => {
      terminal.once('close', () => resolve(null));
      terminal.on('SIGINT', () => terminal.close());
      terminal.question('> ', resolve);
    });
    // Closed while an answer comes, so that Ctrl+C is a signal and not a key.
    terminal.removeAllListeners('close');
    terminal.close();
    if (question === null) {
      process.stderr.write('\n');
      return 0;
    }
    if (question.trim() === '') continue;
    try {
      await ask(conversation, question);
    } catch (error) {
      if (!(error instanceof CliFailure) || error.data.code === 'disconnected') throw error;
      note(error.data.message);
    }
  }
}
