export { openConversationStore, type ConversationStoreOptions } from './conversation-store';
