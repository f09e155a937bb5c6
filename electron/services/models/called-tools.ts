import { randomUUID } from 'node:crypto';
import { LmError } from '../../contract';
import { jsonObjectSchema, type ChatTurn, type JsonObject, type ToolCall } from './chat-turns';
import type { ChatEvent, ChatRequest, GenerationMetrics } from './ports';

/** Names and arguments of all calls of one answer; a longer answer is a broken or hostile one. */
const maxCallCharacters = 1_000_000;

interface OpenCall {
  readonly id: string;
  readonly name: string;
  /** JSON as far as it came, or what the runtime had read of it. */
  given: string | JsonObject;
}

/** The calls of one answer, from the pieces that the runtime tells to whole calls that can be acted on. */
export class CalledTools {
  private readonly calls = new Map<number, OpenCall>();
  private readonly names: ReadonlySet<string>;
  private readonly required: boolean;
  private characters = 0;

  constructor(
    private readonly model: string,
    offer: ChatRequest['offer'],
  ) {
    this.names = new Set(offer?.tools.map(({ name }) => name));
    this.required = offer?.choice === 'required';
  }

  /**
   * A piece of the arguments of the call at `index`; the first piece of each has its name.
   * @throws LmError `generation_failed` for a tool that was not offered, `too_large`.
   */
  add(
    index: number,
    piece: { readonly id?: string; readonly name: string | null; readonly text: string },
  ): void {
    this.count((piece.name?.length ?? 0) + piece.text.length);
    const open = this.calls.get(index);
    if (open && typeof open.given === 'string') {
      if (piece.name !== null && piece.name !== open.name) throw this.unreadable(open.name);
      open.given += piece.text;
    } else if (piece.name !== null && !open) this.open(index, piece.id, piece.name, piece.text);
    else throw this.unreadable('a tool');
  }

  /** A call that the runtime tells at once. @throws LmError as `add`. */
  addWhole(id: string | undefined, name: string, given: JsonObject): void {
    this.count(name.length + JSON.stringify(given).length);
    this.open(this.calls.size, id, name, given);
  }

  /**
   * What the answer ends with: its calls, and the finish with what the runtime said for a reason.
   * @throws LmError `generation_failed` for a call that is not whole, and where one had to come.
   */
  end(said: Extract<ChatEvent, { kind: 'finish' }>['reason'], metrics: GenerationMetrics): ChatEvent[] {
    const called = [...this.calls.entries()]
      .sort(([left], [right]) => left - right)
      .map(([, call]): ChatEvent => ({ kind: 'call', call: this.whole(call, said) }));
    // A limit that was reached is no reason to blame the model for a call that did not come.
    if (called.length === 0 && said !== 'length' && (this.required || said === 'calls')) {
      throw new LmError(
        'generation_failed',
        `${this.model} had to call a tool, but its answer has no call.`,
        {
          retryable: true,
        },
      );
    }
    // Some runtimes say `stop` after a call.
    const reason = called.length > 0 && said !== 'length' ? 'calls' : said;
    return [...called, { kind: 'finish', reason, metrics }];
  }

  private open(index: number, id: string | undefined, name: string, given: OpenCall['given']): void {
    if (!this.names.has(name)) {
      throw new LmError(
        'generation_failed',
        this.names.size === 0
          ? `${this.model} called the tool ${name}, but it was offered none.`
          : `${this.model} called the tool ${name}, which is none of those that it was offered.`,
        { details: { offered: [...this.names].join(', ') }, retryable: true },
      );
    }
    // Runtimes that give no ids still need them here: an answer names its call by it.
    this.calls.set(index, { id: id || randomUUID(), name, given });
  }

  private whole({ id, name, given }: OpenCall, said: string): ToolCall {
    if (typeof given !== 'string') return { id, name, arguments: given };
    const read = jsonObjectSchema.safeParse(parsed(given));
    if (read.success) return { id, name, arguments: read.data };
    if (said === 'length') {
      throw new LmError(
        'generation_failed',
        `The answer of ${this.model} reached its limit of tokens in the middle of a call of ${name}.`,
        { repair: { text: 'Allow longer answers, or shorten the conversation.' } },
      );
    }
    throw this.unreadable(name, given);
  }

  private unreadable(name: string, given = ''): LmError {
    return new LmError(
      'generation_failed',
      `${this.model} called ${name} in a way that cannot be read: its arguments are no JSON object.`,
      { details: { arguments: given.slice(0, 200) }, retryable: true },
    );
  }

  private count(characters: number): void {
    this.characters += characters;
    if (this.characters > maxCallCharacters) {
      throw new LmError('too_large', `${this.model} called tools with more than a million characters.`);
    }
  }
}

function parsed(text: string): unknown {
  // A tool without parameters may be called with nothing at all.
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * The name of the tool behind each call of a conversation, by the call's id.
 * @throws LmError `invalid_input` for a tool's answer to a call that is not before it, and for an offer without
 * tools or with two of one name: better than a question that says something else than it was meant to.
 */
export function readCalls({
  turns,
  offer,
}: Pick<ChatRequest, 'turns' | 'offer'>): ReadonlyMap<string, string> {
  if (
    offer &&
    (offer.tools.length === 0 || new Set(offer.tools.map(({ name }) => name)).size < offer.tools.length)
  ) {
    throw new LmError('invalid_input', 'Tools that are offered must have a name each that is only theirs.');
  }
  const names = new Map<string, string>();
  turns.forEach((turn: ChatTurn, position) => {
    if (turn.role === 'assistant') for (const { id, name } of turn.calls ?? []) names.set(id, name);
    if (turn.role === 'tool' && !names.has(turn.callId)) {
      throw new LmError(
        'invalid_input',
        `Turn ${position + 1} answers the call ${turn.callId}, but no call before it has that id.`,
      );
    }
  });
  return names;
}
