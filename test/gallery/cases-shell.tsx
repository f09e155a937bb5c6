import { useEffect, type ReactNode } from 'react';
import type { ChatMessage, ConversationSummary, Model, TerminalInfo } from '../../electron/contract';
import { App } from '../../renderer/app/app';
import { paneContents } from '../../renderer/app/pane-contents';
import type { FakeHostClient } from '../../renderer/client/fake-host-client';
import type { GalleryCase } from './case';
import { starterHost } from './cases-chat';
import { oneGpu } from './cases-dashboard';
import {
  absentSandbox,
  askingEmbedded,
  healthySandbox,
  minutesAgo,
  localApi,
  readyEmbedded,
  settingsState,
  unavailableEngine,
} from './fixtures';

const escape = '\u001b[';
const prompt = `${escape}1;32mlm@sandbox${escape}0m:${escape}1;34m/workspace${escape}0m$ `;
const screen = [
  `${prompt}ls --color`,
  `${escape}1;34mdata${escape}0m  ${escape}1;34mmodels${escape}0m  ${escape}1;32mtrain.py${escape}0m  notes.md  README.md`,
  `${prompt}git log --oneline | head -3`,
  `${escape}33m3f9c1d2${escape}0m Load the tokenizer once`,
  `${escape}33m8a7e4c5${escape}0m Keep the longest answers`,
  `${escape}33md6e7f80${escape}0m Begin`,
  `${prompt}python3 train.py --epochs 1`,
  `epoch 1  ${escape}32m████████████████${escape}90m░░░░${escape}0m  80 %  loss 1.284`,
].join('\r\n');

function terminal(id: string, title: string, changes: Partial<TerminalInfo> = {}): TerminalInfo {
  return {
    id,
    place: 'container',
    title,
    status: 'running',
    exitCode: null,
    error: null,
    columns: 90,
    rows: 24,
    createdAtMs: minutesAgo(12),
    ...changes,
  };
}

const model: Model = {
  reference: { runtime: 'ollama', name: 'qwen3:8b' },
  sizeBytes: 5_225_388_164,
  family: 'qwen3',
  parameterCount: '8.2B',
  quantisation: 'Q4_K_M',
  load: {
    state: 'loaded',
    memoryBytes: 6_400_000_000,
    gpuShare: 1,
    contextSize: 8192,
    expiresAtMs: null,
    error: null,
  },
};

function conversation(id: string, title: string, minutes: number): ConversationSummary {
  return {
    id,
    title,
    createdAtMs: minutesAgo(minutes + 10),
    updatedAtMs: minutesAgo(minutes),
    messageCount: 2,
    model: model.reference,
    systemPrompt: '',
    answering: false,
  };
}

function message(id: string, role: ChatMessage['role'], content: string): ChatMessage {
  return {
    id,
    parentId: null,
    role,
    content,
    thinking: '',
    model: role === 'assistant' ? model.reference : null,
    status: 'complete',
    error: null,
    metrics:
      role === 'assistant'
        ? {
            promptTokens: 31,
            answerTokens: 164,
            timeToFirstTokenMs: 182,
            tokensPerSecond: 78.4,
            durationMs: 2_270,
            finishReason: 'stop',
          }
        : null,
    createdAtMs: minutesAgo(3),
  };
}

const answer = `Read it line by line, so that memory stays flat however large the file is:

\`\`\`python
from collections import Counter

def most_common_words(path: str, count: int) -> list[tuple[str, int]]:
    words: Counter[str] = Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words.update(line.lower().split())
    return words.most_common(count)
\`\`\`

- \`Counter.update\` takes any iterable.
- The file is closed even when a line fails to decode.`;

/** A host with everything a busy afternoon has. */
function busyHost(): FakeHostClient {
  return oneGpu()
    .respond('terminal.list', {
      revision: 1,
      terminals: [
        terminal('t1', 'lm@sandbox: /workspace'),
        terminal('t2', 'htop'),
        terminal('t3', 'bash', { status: 'exited', exitCode: 3 }),
      ],
    })
    .respond('terminal.resize', null)
    .respond('terminal.setColors', null)
    .onStreamOpened('terminal.attach', (stream) =>
      stream.push({ kind: 'snapshot', screen, columns: 90, rows: 24, sequence: screen.length }),
    )
    .respond('models.list', {
      revision: 1,
      runtimes: [
        { runtime: 'ollama', state: 'ready', version: '0.13.0', error: null },
        { runtime: 'llama-cpp', state: 'ready', version: 'b7100', error: null },
      ],
      models: [model],
    })
    .respond('models.jobs', { revision: 1, jobs: [] })
    .respond('chat.list', {
      revision: 1,
      conversations: [
        conversation('c1', 'Counting words in a large file', 3),
        conversation('c2', 'Why is my container out of memory?', 90),
      ],
    })
    .onStreamOpened('chat.watch', (stream) =>
      stream.push({
        kind: 'snapshot',
        messages: [
          message(
            'm1',
            'user',
            'How do I count the most common words of a file that does not fit into memory?',
          ),
          message('m2', 'assistant', answer),
        ],
      }),
    );
}

/** Presses keys once the app stands, for pictures of what they open. */
function Press({ keys, children }: { readonly keys: KeyboardEventInit; readonly children: ReactNode }) {
  useEffect(() => {
    const timer = setTimeout(() => window.dispatchEvent(new KeyboardEvent('keydown', keys)), 400);
    return () => clearTimeout(timer);
  }, [keys]);
  return children;
}

function shell(
  name: string,
  prepare: (host: FakeHostClient) => FakeHostClient,
  keys?: KeyboardEventInit,
): GalleryCase {
  return {
    name: `Shell/${name}`,
    render: () => {
      localStorage.clear();
      const theme = document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
      const host = prepare(busyHost().respond('settings.get', settingsState({ theme })));
      const app = <App host={host} contents={paneContents} />;
      return keys ? <Press keys={keys}>{app}</Press> : app;
    },
  };
}

const stopped = healthySandbox({ phase: 'stopped', parts: [] });

export const shellCases: readonly GalleryCase[] = [
  shell('busy', (host) => host),
  {
    name: 'Shell/embedded',
    render: () => {
      localStorage.clear();
      const theme = document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
      const host = busyHost()
        .respond('settings.get', settingsState({ theme, sandboxPlace: 'embedded' }))
        .respond('embedded.status', readyEmbedded())
        .respond('localApi.status', localApi())
        .respond('terminal.list', {
          revision: 1,
          terminals: [terminal('t1', 'sandbox@sandbox: /workspace', { place: 'embedded' })],
        });
      return <App host={host} contents={paneContents} />;
    },
  },
  {
    name: 'Shell/embedded, starter models in a low pane',
    render: () => {
      localStorage.clear();
      const theme = document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
      const host = starterHost(null)
        .respond('settings.get', settingsState({ theme, sandboxPlace: 'embedded' }))
        .respond('embedded.status', readyEmbedded())
        .respond('localApi.status', localApi())
        .respond('terminal.list', { revision: 1, terminals: [] })
        .respond('terminal.setColors', null);
      return (
        <Press keys={{ key: '4', code: 'Digit4', ctrlKey: true }}>
          <App host={host} contents={paneContents} />
        </Press>
      );
    },
  },
  {
    name: 'Shell/embedded, connection lost',
    render: () => {
      localStorage.clear();
      const theme = document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
      const host = busyHost()
        .respond('settings.get', settingsState({ theme, sandboxPlace: 'embedded' }))
        .respond('embedded.status', readyEmbedded({ network: true }))
        .respond('localApi.status', localApi());
      setTimeout(() => host.loseConnection(), 350);
      return <App host={host} contents={paneContents} />;
    },
  },
  {
    name: 'Shell/embedded, not isolated',
    render: () => {
      localStorage.clear();
      const theme = document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
      const host = busyHost()
        .respond('settings.get', settingsState({ theme, sandboxPlace: 'embedded' }))
        .respond('embedded.status', readyEmbedded({ isolation: askingEmbedded().isolation, network: true }))
        .respond('localApi.status', localApi())
        .respond('terminal.list', {
          revision: 1,
          terminals: [
            terminal('t1', 'ada@laptop: ~/workspace', { place: 'unisolated' }),
            terminal('t2', 'htop', { place: 'unisolated' }),
          ],
        });
      return <App host={host} contents={paneContents} />;
    },
  },
  shell('first run', (host) =>
    host.respond('sandbox.status', absentSandbox({ image: { state: 'missing', reference: 'lm-docker' } })),
  ),
  shell('stopped', (host) =>
    host.respond('sandbox.status', stopped).respond('terminal.list', { revision: 1, terminals: [] }),
  ),
  {
    name: 'Shell/engine lost later',
    render: () => {
      localStorage.clear();
      const theme = document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
      const host = busyHost().respond('settings.get', settingsState({ theme }));
      setTimeout(() => host.emit('engine.changed', unavailableEngine()), 300);
      setTimeout(() => host.loseConnection(), 350);
      return <App host={host} contents={paneContents} />;
    },
  },
  shell('palette', (host) => host, { key: 'P', ctrlKey: true, shiftKey: true }),
  shell('shortcuts', (host) => host, { key: '/', ctrlKey: true }),
  shell('sandbox pane', (host) => host, { key: '4', code: 'Digit4', ctrlKey: true }),
];
