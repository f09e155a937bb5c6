import { act, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  LmError,
  type ChatMessage,
  type ConversationSummary,
  type Model,
  type ModelList,
  type SandboxStatus,
  type StarterDownload,
  type StarterState,
} from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { settingsState } from '../../client/host-fixtures';
import { HostProvider } from '../../client/host-context';
import { HostStateProvider } from '../../client/host-state';
import { NoticeProvider } from '../../ui';
import styles from '../../ui/button.module.css';
import { ChatPane } from './chat-pane';

const smol: Model = {
  reference: { runtime: 'llama-cpp', name: 'SmolLM2' },
  sizeBytes: 100_000_000,
  family: null,
  parameterCount: '135M',
  quantisation: 'Q4_1',
  load: {
    state: 'loaded',
    memoryBytes: null,
    gpuShare: null,
    contextSize: 4096,
    expiresAtMs: null,
    error: null,
  },
};
const onCpu: Model = {
  ...smol,
  reference: { runtime: 'ollama', name: 'tiny:latest' },
  load: { ...smol.load, gpuShare: 0 },
};

const modelList = (models: readonly Model[], revision = 1): ModelList => ({
  revision,
  runtimes: [
    { runtime: 'llama-cpp', state: 'ready', version: null, error: null },
    { runtime: 'ollama', state: 'ready', version: '0.34.2', error: null },
  ],
  models: [...models],
});

const conversation = (id: string, change: Partial<ConversationSummary> = {}): ConversationSummary => ({
  id,
  title: `Title of ${id}`,
  createdAtMs: 1,
  updatedAtMs: 1,
  messageCount: 2,
  model: null,
  systemPrompt: '',
  answering: false,
  ...change,
});

const message = (id: string, change: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  parentId: null,
  role: 'user',
  content: `Text of ${id}`,
  thinking: '',
  model: null,
  status: 'complete',
  error: null,
  metrics: null,
  createdAtMs: 1,
  ...change,
});

const sandbox = (phase: SandboxStatus['phase']): SandboxStatus => ({
  revision: 1,
  phase,
  operation: null,
  container: null,
  image: { state: 'missing', reference: 'lm-docker' },
  parts: [],
  error: null,
});

const starter = (download: StarterState['download'], revision = 1): StarterState => ({
  revision,
  models: [
    {
      id: 'tiny',
      name: 'Tiny 135M',
      sizeBytes: 105_000_000,
      license: 'Apache-2.0',
      use: 'Simple questions.',
      installed: false,
    },
  ],
  download,
});
const downloading: StarterDownload = {
  modelId: 'tiny',
  status: 'running',
  phase: 'fetching from hub.example',
  completedBytes: 26_250_000,
  totalBytes: 105_000_000,
  bytesPerSecond: 1_000_000,
  tried: [],
  error: null,
};

let host: FakeHostClient;

beforeEach(() => {
  localStorage.clear();
  // A virtual list shows nothing in a page without a layout, so this page has one.
  for (const name of ['clientHeight', 'clientWidth', 'offsetHeight', 'offsetWidth'] as const) {
    vi.spyOn(HTMLElement.prototype, name, 'get').mockReturnValue(600);
  }
  host = new FakeHostClient()
    .respond('sandbox.status', sandbox('healthy'))
    .respond('models.list', modelList([smol, onCpu]))
    .respond('models.jobs', { revision: 1, jobs: [] })
    .respond('starter.status', starter(null))
    .respond('chat.list', { revision: 1, conversations: [] })
    .respond('chat.create', conversation('new'))
    .respond('chat.update', conversation('new'))
    .respond('chat.send', { userMessageId: 'q', assistantMessageId: 'a' })
    .respond('chat.stop', null)
    .respond('chat.remove', null)
    .respond('chat.retry', { assistantMessageId: 'a2' });
});

function show() {
  return render(
    <HostProvider value={host}>
      <HostStateProvider>
        <NoticeProvider>
          <ChatPane />
        </NoticeProvider>
      </HostStateProvider>
    </HostProvider>,
  );
}

/** A conversation that is chosen and shows these messages. */
async function showConversation(messages: readonly ChatMessage[], change: Partial<ConversationSummary> = {}) {
  host
    .respond('chat.list', { revision: 1, conversations: [conversation('c', change)] })
    .onStreamOpened('chat.watch', (stream) => stream.push({ kind: 'snapshot', messages: [...messages] }));
  const view = show();
  await userEvent.click(await screen.findByRole('button', { name: /^Title of c/ }));
  return view;
}

const question = () => screen.findByRole('textbox', { name: 'Question' });

describe('the chat pane', () => {
  it('sends the first question with Enter, makes the conversation for it and empties the composer', async () => {
    show();
    await screen.findByRole('button', { name: /Model: SmolLM2, loaded/ });
    await userEvent.type(await question(), 'Hello{Shift>}{Enter}{/Shift}there{Enter}');
    await waitFor(() => expect(host.inputsOf('chat.send')).toHaveLength(1));
    expect(host.inputsOf('chat.send')[0]).toEqual({
      conversationId: 'new',
      text: 'Hello\nthere',
      model: smol.reference,
      options: { temperature: null, maxTokens: null },
    });
    await waitFor(async () => expect(await question()).toHaveProperty('value', ''));
  });

  it('keeps the question as a draft, and says why, when it cannot be sent', async () => {
    host.respond(
      'chat.send',
      new LmError('disk_full', 'The disk is full.', { repair: { text: 'Free some space.' } }),
    );
    show();
    await screen.findByRole('button', { name: /Model: SmolLM2/ });
    await userEvent.type(await question(), 'Precious{Enter}');
    expect(await screen.findByText('Free some space.')).toBeTruthy();
    expect(await question()).toHaveProperty('value', 'Precious');
  });

  it('keeps a draft for each conversation, also over a reload', async () => {
    const view = await showConversation([message('q')]);
    await userEvent.type(await question(), 'for c');
    await userEvent.click(screen.getAllByRole('button', { name: /New conversation/ })[0] ?? document.body);
    await userEvent.type(await question(), 'for a new one');
    view.unmount();
    show();
    expect(await question()).toHaveProperty('value', 'for a new one');
    await userEvent.click(await screen.findByRole('button', { name: /^Title of c/ }));
    expect(await question()).toHaveProperty('value', 'for c');
  });

  it('shows an answer as it comes, with its speed at the end, and stops it with Escape', async () => {
    await showConversation(
      [message('q'), message('a', { role: 'assistant', content: '', status: 'streaming' })],
      {
        answering: true,
      },
    );
    const [stream] = host.streams('chat.watch');
    stream?.push({ kind: 'delta', messageId: 'a', content: 'The **answer**', thinking: 'let me see' });
    expect((await screen.findByText('answer')).tagName).toBe('STRONG');
    expect(screen.getByText('let me see').closest('details')?.open).toBe(false);
    await userEvent.type(await question(), '{Escape}');
    expect(host.inputsOf('chat.stop')).toEqual([{ conversationId: 'c' }]);
    stream?.push({
      kind: 'message',
      message: message('a', {
        role: 'assistant',
        content: 'The answer',
        status: 'stopped',
        model: smol.reference,
        metrics: {
          promptTokens: 5,
          answerTokens: 1_234,
          timeToFirstTokenMs: 420,
          tokensPerSecond: 41.26,
          durationMs: 1_000,
          finishReason: 'stopped',
        },
      }),
    });
    expect(
      await screen.findByText(
        '41.3 tokens/s · 0.4 s to first token · 1,234 tokens · SmolLM2 (llama.cpp) · stopped',
      ),
    ).toBeTruthy();
  });

  it('shows why an answer failed, with its repair, and asks again', async () => {
    const error = new LmError('model_server_unavailable', 'llama-server is not ready.', {
      repair: { text: 'Try again in a moment.' },
      retryable: true,
    }).data;
    await showConversation([
      message('q'),
      message('a', { role: 'assistant', content: 'half', status: 'failed', error }),
    ]);
    expect(await screen.findByText('Try again in a moment.')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(host.inputsOf('chat.retry')).toEqual([
      { conversationId: 'c', model: smol.reference, options: { temperature: null, maxTokens: null } },
    ]);
  });

  it('deletes a conversation only after it was confirmed', async () => {
    await showConversation([message('q')]);
    await userEvent.click(screen.getByRole('button', { name: 'More for Title of c' }));
    await userEvent.click(await screen.findByRole('menuitem', { name: 'Delete…' }));
    expect(host.inputsOf('chat.remove')).toEqual([]);
    await userEvent.click(await screen.findByRole('button', { name: 'Delete conversation' }));
    expect(host.inputsOf('chat.remove')).toEqual([{ conversationId: 'c' }]);
  });

  it('groups models by runtime and warns of one that runs on the CPU', async () => {
    show();
    await userEvent.click(await screen.findByRole('button', { name: /Model: SmolLM2/ }));
    const menu = await screen.findByRole('menu');
    expect(within(menu).getByText('llama.cpp')).toBeTruthy();
    await userEvent.click(within(menu).getByRole('menuitem', { name: /tiny:latest.*on CPU/ }));
    expect(await screen.findByRole('button', { name: 'Model: tiny:latest, on CPU' })).toBeTruthy();
  });

  it('offers a starter model, fetches it after a click only, and shows how far that is', async () => {
    host
      .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
      .respond('sandbox.status', sandbox('absent'))
      .respond('models.list', { revision: 1, runtimes: [], models: [] })
      .respond('starter.download', starter(downloading))
      .respond('starter.cancel', starter(null));
    show();
    const offer = await screen.findByRole('region', { name: 'Starter models' });
    expect(within(offer).getByText('Simple questions.')).toBeTruthy();
    expect(within(offer).getByText(/Apache-2\.0/)).toBeTruthy();
    expect(host.inputsOf('starter.download')).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: 'Download Tiny 135M' }));
    expect(host.inputsOf('starter.download')).toEqual([{ modelId: 'tiny' }]);
    act(() => host.emit('starter.changed', starter(downloading, 2)));
    const bar = await screen.findByRole('progressbar', { name: 'Fetching from hub.example' });
    expect(bar.getAttribute('aria-valuenow')).toBe('25');
    const cancel = screen.getByRole('button', { name: 'Cancel the download of Tiny 135M' });
    await userEvent.click(cancel);
    expect(host.inputsOf('starter.cancel')).toEqual([null]);
    act(() => host.emit('starter.changed', starter({ ...downloading, status: 'cancelled' }, 3)));
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Download Tiny 135M' }));
  });

  it('has the question asked next once a starter model is there', async () => {
    host
      .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
      .respond('models.list', { revision: 1, runtimes: [], models: [] })
      .respond('starter.status', starter(downloading));
    show();
    (await screen.findByRole('button', { name: 'Cancel the download of Tiny 135M' })).focus();
    act(() => host.emit('models.changed', modelList([smol], 2)));
    expect(screen.queryByRole('region', { name: 'Starter models' })).toBeNull();
    expect(document.activeElement).toBe(await question());
  });

  it('says why a starter model could not be fetched, with the repair, and tries again', async () => {
    const error = {
      code: 'registry_unreachable' as const,
      message: 'Tiny 135M could not be fetched. hub.example: no route.',
      details: {},
      repair: { text: 'Check the network.', command: null },
      retryable: true,
    };
    host
      .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
      .respond('models.list', { revision: 1, runtimes: [], models: [] })
      .respond('starter.status', starter({ ...downloading, status: 'failed', phase: 'failed', error }))
      .respond('starter.download', starter(downloading));
    show();
    expect(await screen.findByText(error.message)).toBeTruthy();
    expect(screen.getByText('Check the network.')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(host.inputsOf('starter.download')).toEqual([{ modelId: 'tiny' }]);
    act(() => host.emit('starter.changed', starter(downloading, 2)));
    // The button that was pressed is gone; what can be done now has the focus.
    const cancel = screen.getByRole('button', { name: 'Cancel the download of Tiny 135M' });
    expect(document.activeElement).toBe(cancel);
  });

  it('says before any download that it would not help where no model can run, and looks again', async () => {
    const error = new LmError('model_server_unavailable', 'The embedded llama.cpp needs Node.js 18.', {
      repair: { text: 'Install Node.js 18 or newer, then try again.' },
    }).data;
    const none: ModelList = { revision: 1, runtimes: [], models: [] };
    host.respond('settings.get', settingsState({ sandboxPlace: 'embedded' })).respond('models.list', {
      ...none,
      runtimes: [{ runtime: 'embedded', state: 'unavailable', version: null, error }],
    });
    const primary = () =>
      screen
        .getAllByRole('button')
        .filter((each) => each.className.split(' ').includes(styles.primary ?? ''));
    show();
    const repair = await screen.findByText('Install Node.js 18 or newer, then try again.');
    const download = screen.getByRole('button', { name: 'Download Tiny 135M' });
    expect(repair.compareDocumentPosition(download)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
    expect(screen.getByText(/download alone would not help/)).toBeTruthy();
    expect(primary()).toEqual([]);
    host.respond('models.list', { ...none, revision: 2 });
    await userEvent.click(screen.getByRole('button', { name: 'Look again' }));
    expect(await screen.findByText(/fetched only if you say so/)).toBeTruthy();
    expect(primary()).toEqual([screen.getByRole('button', { name: 'Download Tiny 135M' })]);
    // The button that was pressed is gone.
    expect(document.activeElement).toBe(primary()[0]);
  });

  it('says why the starter models cannot be told, rather than looking for ever', async () => {
    host
      .respond('models.list', modelList([]))
      .respond('starter.status', new LmError('storage_failed', 'The folder of models cannot be read.'));
    show();
    expect(await screen.findByText('The folder of models cannot be read.')).toBeTruthy();
    expect(screen.queryByRole('status', { name: 'Looking for starter models' })).toBeNull();
  });

  it('leads on where there is no model, and pulls one', async () => {
    host.respond('models.list', modelList([]));
    const job = {
      id: 'j',
      kind: 'pull' as const,
      name: 'tiny',
      insecure: false,
      status: 'running' as const,
      phase: 'pulling',
      completedBytes: 25,
      totalBytes: 100,
      bytesPerSecond: 5,
      error: null,
      startedAtMs: 1,
    };
    host.respond('models.pull', job).respond('models.cancelJob', null);
    show();
    await userEvent.click(await screen.findByRole('button', { name: 'Pull or import a model' }));
    await userEvent.type(screen.getByRole('textbox', { name: 'Name' }), 'tiny{Enter}');
    expect(host.inputsOf('models.pull')).toEqual([{ name: 'tiny', insecure: false }]);
    act(() => host.emit('models.jobsChanged', { revision: 2, jobs: [job] }));
    const bar = await screen.findByRole('progressbar', { name: 'Pull tiny' });
    expect([bar.getAttribute('aria-valuenow'), bar.getAttribute('aria-valuetext')]).toEqual([
      '25',
      '25 B of 100 B · 5 B/s · 15 s left',
    ]);
    await userEvent.click(screen.getByRole('button', { name: 'Cancel pull of tiny' }));
    expect(host.inputsOf('models.cancelJob')).toEqual([{ jobId: 'j' }]);
  });

  it('imports a GGUF file piece by piece', async () => {
    const job = {
      id: 'j',
      kind: 'import' as const,
      name: 'My-model.gguf',
      status: 'running' as const,
      phase: '',
      completedBytes: 0,
      totalBytes: 1,
      bytesPerSecond: null,
      error: null,
      startedAtMs: 1,
    };
    host
      .respond('models.importBegin', job)
      .respond('models.importChunk', null)
      .respond('models.importFinish', job);
    show();
    await userEvent.click(await screen.findByRole('button', { name: /Model: SmolLM2/ }));
    await userEvent.click(await screen.findByRole('menuitem', { name: /Pull, import and manage/ }));
    const bytes = new Uint8Array(1024 * 1024 + 10).fill(7);
    await userEvent.upload(screen.getByLabelText('GGUF file'), new File([bytes], 'My model.gguf'));
    await waitFor(() => expect(host.inputsOf('models.importFinish')).toEqual([{ jobId: 'j' }]));
    expect(host.inputsOf('models.importBegin')).toEqual([
      { fileName: 'My-model.gguf', sizeBytes: bytes.byteLength },
    ]);
    expect(
      host.inputsOf('models.importChunk').map((piece) => [piece.offset, piece.bytes.byteLength]),
    ).toEqual([
      [0, 1024 * 1024],
      [1024 * 1024, 10],
    ]);
  });

  it('lets earlier conversations be read while the sandbox is stopped, and says why nothing can be sent', async () => {
    host.respond('sandbox.status', sandbox('stopped'));
    await showConversation([message('q')]);
    expect(await screen.findByText('Text of q')).toBeTruthy();
    expect(await question()).toHaveProperty('placeholder', 'The sandbox is not running');
    await userEvent.type(await question(), 'x{Enter}');
    expect(host.inputsOf('chat.send')).toEqual([]);
  });

  describe('in a narrow pane', () => {
    const list = () => screen.queryByRole('navigation', { name: 'Conversations' });

    /** The list of conversations, open over the pane. */
    async function openList(): Promise<HTMLElement> {
      vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(400);
      host.respond('chat.list', { revision: 1, conversations: [conversation('c')] });
      show();
      expect(list()).toBeNull();
      await userEvent.click(await screen.findByRole('button', { name: 'Show the conversations' }));
      await screen.findByRole('button', { name: /^Title of c/ });
      return screen.getByRole('button', { name: 'Hide the conversations' });
    }

    it('closes the list by Escape wherever the focus is, and gives it back to the button', async () => {
      const button = await openList();
      screen.getByRole('button', { name: /^Title of c/ }).focus();
      await userEvent.keyboard('{Escape}');
      expect(list()).toBeNull();
      expect(document.activeElement).toBe(button);
      await userEvent.keyboard('{Enter}');
      expect(list()).not.toBeNull();
      await userEvent.keyboard('{Escape}');
      expect(list()).toBeNull();
      expect(document.activeElement).toBe(button);
    });

    it('closes the list by a press outside of it, by its button, and by a choice', async () => {
      const button = await openList();
      await userEvent.click(await question());
      expect(list()).toBeNull();
      expect(document.activeElement).toBe(await question());
      await userEvent.click(button);
      expect(list()).not.toBeNull();
      await userEvent.click(button);
      expect(list()).toBeNull();
      await userEvent.click(button);
      await userEvent.click(await screen.findByRole('button', { name: /^Title of c/ }));
      expect(list()).toBeNull();
      expect(document.activeElement).toBe(button);
    });

    it('keeps the list while its own menu and dialog are used and closed', async () => {
      await openList();
      await userEvent.click(screen.getByRole('button', { name: 'More for Title of c' }));
      await screen.findByRole('menuitem', { name: 'Rename…' });
      await userEvent.keyboard('{Escape}');
      await waitFor(() => expect(screen.queryByRole('menu')).toBeNull());
      expect(list()).not.toBeNull();
      await userEvent.click(screen.getByRole('button', { name: 'More for Title of c' }));
      await userEvent.click(await screen.findByRole('menuitem', { name: 'Rename…' }));
      await userEvent.click(await screen.findByRole('textbox', { name: 'Title' }));
      await userEvent.keyboard('{Escape}');
      await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
      expect(list()).not.toBeNull();
      expect(document.activeElement).toBe(screen.getByRole('button', { name: 'More for Title of c' }));
    });
  });

  it('says that conversations are not being saved', async () => {
    const storageError = new LmError('disk_full', 'The disk is full; conversations cannot be saved.').data;
    host.respond('chat.list', { revision: 1, conversations: [], storageError });
    show();
    expect(await screen.findByText('The disk is full; conversations cannot be saved.')).toBeTruthy();
  });

  it('leaves no listener and no stream behind', async () => {
    const view = await showConversation([message('q')]);
    await screen.findByText('Text of q');
    view.unmount();
    expect(host.heldCount).toBe(0);
  });
});
