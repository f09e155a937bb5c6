import type { Sampling } from '../../contract';
import type { ChatRequest, ChatTurn, ToolOffer } from '../../services/models/ports';

/** A question in the words of llama-server's /v1/chat/completions; `sampling` holds where it says nothing. */
export function llamaCppQuestion(
  { model, turns, options, offer }: ChatRequest,
  sampling?: Sampling,
): Record<string, unknown> {
  const temperature = options.temperature ?? sampling?.temperature ?? null;
  const others = sampling ? { top_p: sampling.topP, top_k: sampling.topK, min_p: sampling.minP } : {};
  return {
    model,
    messages: turns.map(messageOf),
    stream: true,
    stream_options: { include_usage: true },
    ...(temperature === null ? {} : { temperature }),
    ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== null)),
    ...(options.maxTokens === null ? {} : { max_tokens: options.maxTokens }),
    ...(offer ? toolFields(offer) : {}),
  };
}

function messageOf(turn: ChatTurn): Record<string, unknown> {
  switch (turn.role) {
    case 'system':
    case 'user':
      return { role: turn.role, content: turn.content };
    case 'assistant': {
      const calls = turn.calls ?? [];
      return {
        role: 'assistant',
        content: turn.content,
        ...(calls.length === 0
          ? {}
          : {
              tool_calls: calls.map((call) => ({
                id: call.id,
                type: 'function',
                function: { name: call.name, arguments: JSON.stringify(call.arguments) },
              })),
            }),
      };
    }
    case 'tool':
      return { role: 'tool', tool_call_id: turn.callId, content: turn.content };
  }
}

function toolFields({ tools, choice }: ToolOffer): Record<string, unknown> {
  return {
    tools: tools.map(({ name, description, parameters }) => ({
      type: 'function',
      function: {
        name,
        ...(description === null ? {} : { description }),
        // Templates that list the tools read the properties of an object.
        parameters: parameters ?? { type: 'object', properties: {} },
      },
    })),
    tool_choice: choice,
  };
}
