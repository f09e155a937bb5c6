import type { ChatHistoryItem, ChatModelFunctionCall } from 'node-llama-cpp';
import { z } from 'zod';
import type { JsonObject } from '../../../services/models/ports';
import type { Order } from '../protocol';

type Turn = Extract<Order, { type: 'chat' }>['turns'][number];
type Json = JsonObject[string];

/**
 * The turns as the library has them. There a tool's answer is part of the call, and calls are part of one answer of
 * the model together with the text before and after them. The last item is the answer to be made.
 */
export function toHistory(turns: readonly Turn[]): ChatHistoryItem[] {
  const history: ChatHistoryItem[] = [];
  const calls = new Map<string, ChatModelFunctionCall>();
  /** The answer of the model that goes on with the next turn, because only tools spoke since. */
  let answer: Extract<ChatHistoryItem, { type: 'model' }> | null = null;
  const answering = () => {
    if (!answer) {
      answer = { type: 'model', response: [] };
      history.push(answer);
    }
    return answer.response;
  };
  let afterTool = false;
  for (const turn of turns) {
    switch (turn.role) {
      case 'system':
        answer = null;
        history.push({ type: 'system', text: turn.content });
        break;
      case 'user':
        answer = null;
        history.push({ type: 'user', text: turn.content });
        break;
      case 'assistant': {
        // Two answers without anything between them are two.
        if (!afterTool) answer = null;
        const response = answering();
        if (turn.content !== '') response.push(turn.content);
        turn.calls.forEach((call, position) => {
          const made: ChatModelFunctionCall = {
            type: 'functionCall',
            name: call.name,
            params: call.arguments,
            result: undefined,
            startsNewChunk: position === 0,
          };
          calls.set(call.id, made);
          response.push(made);
        });
        break;
      }
      case 'tool': {
        const call = calls.get(turn.callId);
        if (call) call.result = resultOf(turn.content);
        break;
      }
    }
    afterTool = turn.role === 'tool';
  }
  if (!afterTool) answer = null;
  answering();
  return history;
}

/** The library writes a result as JSON; a text that is some already is not to be put in quotes once more. */
function resultOf(content: string): Json {
  try {
    return z.json().parse(JSON.parse(content));
  } catch {
    return content;
  }
}
