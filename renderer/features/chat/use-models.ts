import { useEffect, useState } from 'react';
import type { ConversationList, ModelJobList, ModelList } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { createMirror, type MirrorStore } from '../../client/mirror';

const idlePollMs = 5_000;
const busyPollMs = 1_500;

export interface ChatMirrors {
  readonly conversations: MirrorStore<ConversationList>;
  readonly models: MirrorStore<ModelList>;
  readonly jobs: MirrorStore<ModelJobList>;
}

/** What the host says of conversations, models and jobs, while the pane is there. */
export function useChatMirrors(): ChatMirrors | null {
  const host = useHost();
  const [mirrors, setMirrors] = useState<ChatMirrors | null>(null);
  useEffect(() => {
    const created: ChatMirrors = {
      conversations: createMirror(host, () => host.call('chat.list', null), 'chat.changed'),
      models: createMirror(host, () => host.call('models.list', null), 'models.changed'),
      jobs: createMirror(host, () => host.call('models.jobs', null), 'models.jobsChanged'),
    };
    setMirrors(created);
    return () => {
      created.conversations.dispose();
      created.models.dispose();
      created.jobs.dispose();
      setMirrors(null);
    };
  }, [host]);
  return mirrors;
}

/**
 * Runtimes say nothing by themselves when they load or unload a model, so whoever shows the list asks again: every
 * few seconds while it can be seen, more often while something is going on, never while it is hidden.
 */
export function useModelPolling(models: MirrorStore<ModelList>, visible: boolean, busy: boolean): void {
  useEffect(() => {
    if (!visible) return;
    const ask = () => {
      if (!document.hidden) void models.refresh();
    };
    const timer = setInterval(ask, busy ? busyPollMs : idlePollMs);
    document.addEventListener('visibilitychange', ask);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', ask);
    };
  }, [models, visible, busy]);
}
