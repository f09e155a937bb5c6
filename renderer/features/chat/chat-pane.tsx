import { MessageSquare, PanelLeft, SquarePen } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { ErrorData, ModelReference } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { usePlace, useSandbox } from '../../client/host-state';
import { useCommands } from '../../lib/commands';
import { usePaneVisible } from '../../lib/pane-visibility';
import { isRunning } from '../../lib/sandbox-phase';
import { useFocusAfter } from '../../lib/use-focus-after';
import { Button, EmptyState, ErrorBanner, IconButton, PanelHeader, Spinner } from '../../ui';
import { AnswerSettings } from './answer-settings';
import { createChatActions } from './chat-actions';
import styles from './chat-pane.module.css';
import { createChatStore, draftKey } from './chat-store';
import { Composer } from './composer';
import { ConversationListView } from './conversation-list';
import { LinkDialog } from './link-dialog';
import { LinkRequestContext } from './markdown/link-request';
import { MessageList } from './message-list';
import { ModelPicker } from './model-picker';
import { ModelsDialog } from './models-dialog';
import { embeddedProblem, sameModel } from './models-text';
import { StarterOffer } from './starter-offer';
import { useConversation } from './use-conversation';
import { useListOverlay } from './use-list-overlay';
import { useNarrow } from './use-narrow';
import { useChatMirrors, useModelPolling, type ChatMirrors } from './use-models';

/** Conversations with the models in the sandbox. Answers run in the host; this pane shows them. */
export function ChatPane() {
  const mirrors = useChatMirrors();
  if (!mirrors) return null;
  return <Chat mirrors={mirrors} />;
}

function Chat({ mirrors }: { readonly mirrors: ChatMirrors }) {
  const host = useHost();
  const sandbox = useSandbox().value;
  const visible = usePaneVisible();
  const conversations = useStore(mirrors.conversations.store);
  const models = useStore(mirrors.models.store);
  const jobs = useStore(mirrors.jobs.store).value?.jobs ?? [];
  const [chat] = useState(() => createChatStore());
  const state = useStore(chat.store);
  const actions = useMemo(() => createChatActions(host, chat), [host, chat]);
  const [stopping, setStopping] = useState(false);
  const [managing, setManaging] = useState(false);
  const [link, setLink] = useState<URL | null>(null);
  const text = useRef<HTMLTextAreaElement>(null);
  const { pane, narrow } = useNarrow();
  const [overlayOpen, setOverlayOpen] = useState(false);
  // In a narrow pane the list lies over the messages, so it is open only as long as it is needed.
  const listShown = narrow ? overlayOpen : state.listOpen;
  const toggleList = () => {
    if (narrow) setOverlayOpen(!overlayOpen);
    else chat.set({ listOpen: !state.listOpen });
  };
  const overlay = useListOverlay(narrow && overlayOpen, () => setOverlayOpen(false));
  const choose = (id: string | null) => {
    chat.set({ conversationId: id, error: null });
    // The list goes, and with it the row that has the focus.
    if (narrow && overlayOpen) overlay.button.current?.focus();
    setOverlayOpen(false);
  };

  const all = conversations.value?.conversations ?? [];
  const conversation = all.find(({ id }) => id === state.conversationId) ?? null;
  const known = conversations.value !== null;
  const { conversationId } = state;
  // A conversation that was deleted elsewhere is left; a new one may be told of only after it was chosen here.
  const gone = known && conversationId !== null && conversation === null;
  const feed = useConversation(conversationId);
  useEffect(() => {
    if (gone && feed.error) chat.set({ conversationId: null });
  }, [chat, feed.error, gone]);

  const embedded = usePlace() === 'embedded';
  // Embedded models need no sandbox: their process starts with the first question.
  const running = embedded || (sandbox !== null && isRunning(sandbox.phase));
  const answering = conversation?.answering ?? feed.messages.at(-1)?.status === 'streaming';
  const loading = models.value?.models.some((model) => model.load.state === 'loading') ?? false;
  useModelPolling(mirrors.models, visible && running, answering || loading || managing);

  const list = running ? models.value : null;
  const selected = chooseModel(conversation?.model ?? null, state.lastModel, list?.models ?? []);
  const select = (model: ModelReference) => {
    chat.set({ lastModel: model });
    if (conversationId !== null) void actions.change(conversationId, { model });
  };

  const startNew = () => {
    choose(null);
    text.current?.focus();
  };
  const stop = () => {
    setStopping(true);
    void actions.stop().finally(() => setStopping(false));
  };
  const blocked = !running ? 'The sandbox is not running' : selected === null ? 'Choose a model first' : null;
  const retry =
    running && selected && !answering && feed.messages.length > 0 ? () => void actions.retry(selected) : null;

  useCommands([
    { id: 'chat.new', title: 'New conversation', group: 'Chat', shortcut: 'Ctrl+Shift+O', run: startNew },
    { id: 'chat.focus', title: 'Write a question', group: 'Chat', run: () => text.current?.focus() },
    { id: 'chat.stop', title: 'Stop the answer', group: 'Chat', when: () => answering, run: stop },
    {
      id: 'chat.models',
      title: 'Pull, import and manage models',
      group: 'Chat',
      when: () => running,
      run: () => setManaging(true),
    },
    {
      id: 'chat.toggleList',
      title: 'Show or hide the conversations',
      group: 'Chat',
      run: toggleList,
    },
  ]);

  const runningJobs = jobs.filter((job) => job.status === 'running').length;
  const noModels = list !== null && list.models.length === 0 && runningJobs === 0;
  // The starter models go once one is there, and with them the button of the download.
  useFocusAfter(!noModels, text);
  const storageError = conversations.value?.storageError ?? null;
  return (
    <LinkRequestContext.Provider value={setLink}>
      <section
        ref={pane}
        className={styles.pane}
        data-narrow={narrow || undefined}
        aria-label="Chat"
        onKeyDownCapture={overlay.onKeyDownCapture}
      >
        <PanelHeader
          pane
          title={conversation?.title ?? 'Chat'}
          icon={<MessageSquare />}
          actions={
            <>
              {runningJobs > 0 && (
                <Button
                  variant="ghost"
                  size="small"
                  icon={<Spinner size={12} />}
                  onClick={() => setManaging(true)}
                >
                  {runningJobs === 1 ? '1 model job' : `${runningJobs} model jobs`}
                </Button>
              )}
              <IconButton
                ref={overlay.button}
                label={listShown ? 'Hide the conversations' : 'Show the conversations'}
                icon={<PanelLeft />}
                pressed={listShown}
                onClick={toggleList}
              />
              <IconButton
                label="New conversation"
                shortcut="Ctrl+Shift+O"
                icon={<SquarePen />}
                onClick={startNew}
              />
            </>
          }
        />
        <div className={styles.body}>
          {listShown && (
            <div className={styles.list} onPointerDownCapture={overlay.onPointerDownCapture}>
              <ConversationListView
                conversations={conversations.value?.conversations ?? null}
                selectedId={conversationId}
                onSelect={choose}
                onNew={startNew}
                onRename={(id, title) => void actions.change(id, { title })}
                onRemove={(id) => void actions.remove(id)}
              />
            </div>
          )}
          <div className={styles.main}>
            {storageError && <ErrorBanner className={styles.banner} tone="warning" error={storageError} />}
            {conversations.status === 'failed' && conversations.error && (
              <ErrorBanner
                className={styles.banner}
                error={conversations.error}
                onRetry={() => void mirrors.conversations.refresh()}
              />
            )}
            {conversationId !== null && feed.messages.length > 0 ? (
              <MessageList key={conversationId} messages={feed.messages} onRetry={retry} />
            ) : (
              <div className={styles.beginning}>
                <Beginning
                  waiting={conversationId !== null && !feed.ready && !feed.error}
                  running={running}
                  embedded={embedded}
                  problem={list ? embeddedProblem(list) : null}
                  onProblemRetry={() => void mirrors.models.refresh()}
                  noModels={noModels}
                  onManage={() => setManaging(true)}
                />
              </div>
            )}
            {state.error && (
              <ErrorBanner
                className={styles.banner}
                error={state.error}
                onDismiss={() => chat.set({ error: null })}
              />
            )}
            <Composer
              textRef={text}
              draft={state.drafts[draftKey(conversationId)] ?? ''}
              onDraftChange={(draft) => chat.setDraft(conversationId, draft)}
              onSend={() => {
                if (selected) void actions.send(selected);
              }}
              onStop={stop}
              answering={answering}
              stopping={stopping}
              blocked={blocked}
            >
              <ModelPicker
                list={list}
                selected={selected}
                onSelect={select}
                onManage={() => setManaging(true)}
              />
              <AnswerSettings
                systemPrompt={conversation?.systemPrompt ?? ''}
                onSystemPromptChange={(prompt) => void actions.setSystemPrompt(prompt)}
                options={state.options}
                onOptionsChange={(options) => chat.set({ options })}
              />
            </Composer>
          </div>
        </div>
        {managing && (
          <ModelsDialog
            list={list}
            jobs={jobs}
            embedded={embedded}
            onRefresh={() => void mirrors.models.refresh()}
            onClose={() => setManaging(false)}
          />
        )}
        {link && <LinkDialog url={link} onClose={() => setLink(null)} />}
      </section>
    </LinkRequestContext.Provider>
  );
}

/** The conversation's own model, else the one used last if it is there, else one that is loaded, else any. */
function chooseModel(
  own: ModelReference | null,
  last: ModelReference | null,
  models: readonly { readonly reference: ModelReference; readonly load: { readonly state: string } }[],
): ModelReference | null {
  if (own) return own;
  if (models.some(({ reference }) => sameModel(reference, last))) return last;
  return (models.find(({ load }) => load.state === 'loaded') ?? models[0])?.reference ?? null;
}

function Beginning({
  waiting,
  running,
  embedded,
  problem,
  onProblemRetry,
  noModels,
  onManage,
}: {
  readonly waiting: boolean;
  readonly running: boolean;
  readonly embedded: boolean;
  /** Why embedded models cannot run here. */
  readonly problem: ErrorData | null;
  readonly onProblemRetry: () => void;
  readonly noModels: boolean;
  readonly onManage: () => void;
}) {
  if (waiting) {
    return (
      <div className={styles.waiting}>
        <Spinner size={20} label="Reading the conversation" />
      </div>
    );
  }
  if (!running) {
    return (
      <EmptyState
        icon={<MessageSquare />}
        title="The sandbox is not running"
        description="Models run inside the sandbox. Start it in the Sandbox pane; earlier conversations can be read meanwhile."
      />
    );
  }
  if (noModels) {
    return (
      <StarterOffer
        problem={problem}
        onProblemRetry={onProblemRetry}
        onManage={onManage}
        manageLabel={embedded ? 'Import a model' : 'Pull or import a model'}
      />
    );
  }
  return (
    <EmptyState
      icon={<MessageSquare />}
      title="Ask a model"
      description={
        embedded
          ? 'It runs on this computer, and the conversation stays here.'
          : 'It runs in your sandbox, and the conversation stays on this machine.'
      }
    />
  );
}
