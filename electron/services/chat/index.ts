export { ChatService, type ChatServiceDeps } from './chat-service';
export type { AnswerUpdate, ConversationRow, ConversationStore, StoredConversation } from './ports';
