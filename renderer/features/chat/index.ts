export { ChatPane } from './chat-pane';
