import { z } from 'zod';
import type { ChatModelFunctions, ChatWrapper } from 'node-llama-cpp';
import type { JsonSchema, Tool } from '../../../services/models/ports';
import type { FromChild } from '../protocol';
import { hasOptionalProperties, toGrammarSchema, withoutLeftOut } from './grammar-schema';

export type CallPiece = Omit<Extract<FromChild, { type: 'call' }>, 'type' | 'id'>;

/** The tools of one question: what the library needs to know of them, and their calls in pieces. */
export class OfferedTools {
  readonly functions: ChatModelFunctions;
  private readonly schemas: ReadonlyMap<string, JsonSchema>;
  private index = 0;
  private begun = false;
  private heldBack = '';

  constructor(
    tools: readonly Tool[],
    private readonly onPiece: (piece: CallPiece) => void,
  ) {
    this.schemas = new Map(tools.map(({ name, parameters }) => [name, parameters ?? noParameters]));
    this.functions = Object.fromEntries(
      tools.map(({ name, description, parameters }) => {
        const schema = parameters ?? noParameters;
        return [
          name,
          {
            ...(description === null ? {} : { description }),
            ...(takesNothing(schema) ? {} : { params: toGrammarSchema(schema, 'null') }),
          },
        ];
      }),
    );
  }

  /** A piece of the arguments of the call that is being made. */
  add(name: string, piece: string): void {
    this.begin(name);
    const schema = this.schemas.get(name) ?? noParameters;
    if (hasOptionalProperties(schema)) return;
    // The library ends arguments with empty lines, which are none of them.
    const text = this.heldBack + piece;
    const kept = text.trimEnd();
    this.heldBack = text.slice(kept.length);
    if (kept !== '') this.onPiece({ index: this.index, name: null, text: kept });
  }

  /** The call is complete. */
  end(name: string, params: unknown): void {
    this.begin(name);
    const schema = this.schemas.get(name) ?? noParameters;
    const text = takesNothing(schema)
      ? '{}'
      : hasOptionalProperties(schema)
        ? JSON.stringify(withoutLeftOut(schema, z.json().parse(params)))
        : '';
    if (text !== '') this.onPiece({ index: this.index, name: null, text });
    this.heldBack = '';
    this.begun = false;
    this.index += 1;
  }

  private begin(name: string): void {
    if (this.begun) return;
    this.begun = true;
    this.onPiece({ index: this.index, name, text: '' });
  }
}

const noParameters: JsonSchema = { type: 'object', properties: {} };

/** Whether a call has no arguments at all; then none are generated. */
function takesNothing(parameters: JsonSchema): boolean {
  if (typeof parameters === 'boolean') return false;
  const { type, properties, additionalProperties, ...others } = parameters;
  return (
    type === 'object' &&
    (properties === undefined || JSON.stringify(properties) === '{}') &&
    (additionalProperties === undefined || additionalProperties === false) &&
    !Object.keys(others).some((word) => /^(\$ref|oneOf|anyOf|allOf|patternProperties)$/.test(word))
  );
}

/**
 * The way in which a model is spoken to, with a lever: while `forced` is true, answers begin with a call. The
 * library knows that only as something that a template may say.
 */
export class CallLever {
  forced = false;

  /** `nothing` is an empty text of the library's, which only the model process loads. */
  constructor(wrapper: ChatWrapper, nothing: ReturnType<ChatWrapper['generateContextState']>['contextText']) {
    const generate = wrapper.generateContextState.bind(wrapper);
    wrapper.generateContextState = (options) => {
      const state = generate(options);
      if (!this.forced) return state;
      const { contextText, stopGenerationTriggers, prefixTriggers } = state;
      // What stands before a call in templates that begin each kind of answer in a way of its own, as gpt-oss has.
      const inject = prefixTriggers?.find(({ type }) => type === 'functionCall')?.inject ?? nothing;
      const noPrefixTrigger = { type: 'functionCall', inject } as const;
      return { contextText, stopGenerationTriggers, noPrefixTrigger };
    };
  }
}
