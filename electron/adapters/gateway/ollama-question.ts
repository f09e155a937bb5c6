import { LmError } from '../../contract';
import type { ChatRequest, ChatTurn } from '../../services/models/ports';

/**
 * A question in the words of Ollama's /api/chat. `toolNames` has the tool behind each call, by the call's id:
 * releases before calls had ids know a tool's answer by the tool's name alone.
 * @throws LmError `unsupported` where a call is required.
 */
export function ollamaQuestion(
  { model, turns, options: { temperature, maxTokens }, offer }: ChatRequest,
  toolNames: ReadonlyMap<string, string>,
): Record<string, unknown> {
  if (offer?.choice === 'required') {
    throw new LmError('unsupported', 'Ollama cannot make a model call a tool; it can only offer tools.', {
      repair: { text: 'Offer the tools without requiring a call, or use a model of llama.cpp.' },
    });
  }
  return {
    model,
    messages: turns.map((turn) => messageOf(turn, toolNames)),
    stream: true,
    // Without these Ollama silently drops the oldest messages of a conversation that is too long.
    truncate: false,
    shift: false,
    options: {
      ...(temperature === null ? {} : { temperature }),
      ...(maxTokens === null ? {} : { num_predict: maxTokens }),
    },
    ...(offer
      ? {
          tools: offer.tools.map(({ name, description, parameters }) => ({
            type: 'function',
            function: {
              name,
              description: description ?? '',
              parameters: parameters ?? { type: 'object', properties: {} },
            },
          })),
        }
      : {}),
  };
}

function messageOf(turn: ChatTurn, toolNames: ReadonlyMap<string, string>): Record<string, unknown> {
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
              tool_calls: calls.map((call, index) => ({
                id: call.id,
                function: { index, name: call.name, arguments: call.arguments },
              })),
            }),
      };
    }
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: turn.callId,
        tool_name: toolNames.get(turn.callId),
        content: turn.content,
      };
  }
}
