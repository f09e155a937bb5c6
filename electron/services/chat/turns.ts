import type { ChatMessage } from '../../contract';
import type { ChatTurn } from '../models';

/**
 * What is sent to the model: the system prompt, then the conversation. Answers without text are left out, and
 * turns of the same role in a row become one, because many chat templates refuse roles that do not alternate.
 */
export function buildTurns(systemPrompt: string, messages: readonly ChatMessage[]): ChatTurn[] {
  const turns: ChatTurn[] = [];
  if (systemPrompt.trim() !== '') turns.push({ role: 'system', content: systemPrompt });
  for (const message of messages) {
    if (message.content.trim() === '') continue;
    const last = turns.at(-1);
    if (last && last.role === message.role) {
      turns[turns.length - 1] = { role: last.role, content: `${last.content}\n\n${message.content}` };
    } else {
      turns.push({ role: message.role, content: message.content });
    }
  }
  return turns;
}
