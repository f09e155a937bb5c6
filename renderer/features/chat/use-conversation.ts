import { useEffect, useState, useSyncExternalStore } from 'react';
import { useHost } from '../../client/host-context';
import { ConversationFeed, type FeedSnapshot } from './conversation-feed';

const nothing: FeedSnapshot = { ready: false, messages: [], error: null };
const subscribeToNothing = () => () => undefined;
const noSnapshot = () => nothing;

/** The messages of a conversation, following it while the component is mounted; empty for null. */
export function useConversation(conversationId: string | null): FeedSnapshot {
  const host = useHost();
  const [feed, setFeed] = useState<ConversationFeed | null>(null);
  useEffect(() => {
    if (conversationId === null) return;
    const opened = new ConversationFeed(host, conversationId);
    setFeed(opened);
    return () => {
      opened.close();
      setFeed(null);
    };
  }, [host, conversationId]);
  // Until the effect has run, the feed is still that of the conversation before.
  const current = feed?.conversationId === conversationId ? feed : null;
  return useSyncExternalStore(current?.subscribe ?? subscribeToNothing, current?.getSnapshot ?? noSnapshot);
}
