import { toLmError, type ConversationSummary, type ModelReference } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { draftKey, type ChatStore } from './chat-store';

export interface ChatActions {
  send(model: ModelReference): Promise<void>;
  retry(model: ModelReference): Promise<void>;
  stop(): Promise<void>;
  remove(id: string): Promise<void>;
  change(
    id: string,
    change: Partial<Pick<ConversationSummary, 'title' | 'systemPrompt' | 'model'>>,
  ): Promise<void>;
  /** Sets the system prompt, making a conversation for it when there is none. */
  setSystemPrompt(text: string): Promise<void>;
}

/** What a person does in the pane. Failures land in the store's `error`; a question that failed stays a draft. */
export function createChatActions(host: HostClient, chat: ChatStore): ChatActions {
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    chat.set({ error: null });
    try {
      await action();
    } catch (failure) {
      chat.set({ error: toLmError(failure).data });
    }
  };
  let sending = false;

  return {
    send: async (model) => {
      const { conversationId, drafts, options } = chat.store.getState();
      const text = drafts[draftKey(conversationId)] ?? '';
      if (text.trim() === '' || sending) return;
      sending = true;
      await attempt(async () => {
        let id = conversationId;
        if (id === null) {
          id = (await host.call('chat.create', { model })).id;
          // The draft moves along, so that it is not lost when the question cannot be sent.
          chat.setDraft(id, text);
          chat.setDraft(null, '');
          chat.set({ conversationId: id });
        }
        await host.call('chat.send', { conversationId: id, text, model, options });
        // What was typed meanwhile stays.
        if (chat.store.getState().drafts[draftKey(id)] === text) chat.setDraft(id, '');
        chat.set({ lastModel: model });
      });
      sending = false;
    },
    retry: (model) =>
      attempt(async () => {
        const { conversationId, options } = chat.store.getState();
        if (conversationId !== null) await host.call('chat.retry', { conversationId, model, options });
      }),
    stop: () =>
      attempt(async () => {
        const { conversationId } = chat.store.getState();
        if (conversationId !== null) await host.call('chat.stop', { conversationId });
      }),
    remove: (id) =>
      attempt(async () => {
        await host.call('chat.remove', { conversationId: id });
        chat.setDraft(id, '');
        if (chat.store.getState().conversationId === id) chat.set({ conversationId: null });
      }),
    change: (id, change) =>
      attempt(async () => {
        await host.call('chat.update', { conversationId: id, ...change });
      }),
    setSystemPrompt: (text) =>
      attempt(async () => {
        let { conversationId } = chat.store.getState();
        if (conversationId === null) {
          conversationId = (await host.call('chat.create', { model: null })).id;
          chat.setDraft(conversationId, chat.store.getState().drafts[draftKey(null)] ?? '');
          chat.setDraft(null, '');
          chat.set({ conversationId });
        }
        await host.call('chat.update', { conversationId, systemPrompt: text });
      }),
  };
}
