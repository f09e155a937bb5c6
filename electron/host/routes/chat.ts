import type { ChatService } from '../../services/chat';
import type { MethodRoutes, StreamRoutes } from './route';

type ChatMethodRoutes = Pick<
  MethodRoutes,
  'chat.list' | 'chat.create' | 'chat.update' | 'chat.remove' | 'chat.send' | 'chat.retry' | 'chat.stop'
>;

export function createChatRoutes(deps: { readonly chat: ChatService }): {
  readonly methods: ChatMethodRoutes;
  readonly streams: Pick<StreamRoutes, 'chat.watch'>;
} {
  const { chat } = deps;
  return {
    methods: {
      'chat.list': () => chat.list(),
      'chat.create': ({ model }) => chat.create(model),
      'chat.update': ({ conversationId, ...change }) => chat.update(conversationId, change),
      'chat.remove': async ({ conversationId }) => {
        await chat.remove(conversationId);
        return null;
      },
      'chat.send': ({ conversationId, text, model, options }) =>
        chat.send(conversationId, text, model, options),
      'chat.retry': ({ conversationId, model, options }) => chat.retry(conversationId, model, options),
      'chat.stop': async ({ conversationId }) => {
        await chat.stop(conversationId);
        return null;
      },
    },
    streams: { 'chat.watch': ({ conversationId }, sink) => chat.watch(conversationId, sink) },
  };
}
