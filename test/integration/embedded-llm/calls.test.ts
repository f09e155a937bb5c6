import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedLlm, type EmbeddedLlm } from '../../../electron/adapters/embedded-llm';
import { toolTemplate } from '../../../electron/adapters/embedded-llm/child/tool-template.fakes';
import type { ChatEvent, ChatTurn, ToolOffer } from '../../../electron/services/models';
import { bundleForTest } from '../../support/embedded-llm.mjs';
import { ensureSmallModel, ensureSmallModelWithTemplate } from '../../support/model.mjs';
import { describeToolCalls } from '../chat/tool-calls';

// The real SmolLM2. It was not taught to call tools, but goes on as a conversation went before, without chance.
const plain = 'plain';
/** The same weights, spoken to by a template in the manner of Qwen's. */
const templated = 'templated';
const room = { type: 'object', properties: { room: { type: 'string' } }, required: ['room'] };
const offer: ToolOffer = {
  tools: [
    { name: 'open_door', description: 'Opens a door.', parameters: room },
    { name: 'light_on', description: 'Switches the light on.', parameters: room },
  ],
  choice: 'auto',
};
const never = new AbortController().signal;
let folder: string;
let llm: EmbeddedLlm;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-embedded-calls-'));
  await symlink(await ensureSmallModel(), path.join(folder, `${plain}.gguf`));
  const file = await ensureSmallModelWithTemplate('with-tools', toolTemplate);
  await symlink(file, path.join(folder, `${templated}.gguf`));
  llm = createEmbeddedLlm({
    modelsFolder: folder,
    childFile: await bundleForTest('calls'),
    findNode: async () => process.execPath,
  });
}, 600_000);
afterAll(async () => {
  await llm?.dispose();
  await rm(folder, { recursive: true });
});

/** A question, and what the model did about it. */
function example(place: string, ...names: readonly string[]): ChatTurn[] {
  const calls = names.map((name) => ({ id: `${name} ${place}`, name, arguments: { room: place } }));
  return [
    { role: 'user', content: `Go to the ${place}.` },
    { role: 'assistant', content: '', calls },
    ...calls.map(({ id }): ChatTurn => ({ role: 'tool', callId: id, content: 'ok' })),
    { role: 'assistant', content: 'Done.' },
  ];
}
const examples = (...names: readonly string[]): ChatTurn[] =>
  ['kitchen', 'bathroom', 'cellar'].flatMap((place) => example(place, ...names));
const last: ChatTurn = { role: 'user', content: 'Go to the garage.' };

async function ask(model: string, turns: readonly ChatTurn[]): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  const request = { model, turns, options: { temperature: 0, maxTokens: 120 }, offer };
  for await (const event of llm.chat(request, never)) events.push(event);
  return events;
}
const made = (events: readonly ChatEvent[]) =>
  events.flatMap((event) => (event.kind === 'call' ? [[event.call.name, event.call.arguments]] : []));
const textOf = (events: readonly ChatEvent[]) =>
  events.map((event) => (event.kind === 'content' ? event.text : '')).join('');

describe.each([plain, templated])('A model that has to call a tool (%s)', (model) =>
  describeToolCalls(model, () => llm),
);

test.each([plain, templated])('A model that may call a tool does so by itself (%s)', async (model) => {
  const events = await ask(model, [...examples('open_door'), last]);
  expect(made(events)).toEqual([['open_door', { room: 'garage' }]]);
  expect(textOf(events)).toBe('');
  expect(events.at(-1)).toMatchObject({ kind: 'finish', reason: 'calls' });
});

test.each([plain, templated])('A model that may call a tool may also answer (%s)', async (model) => {
  const events = await ask(model, [{ role: 'user', content: 'What is the capital of France?' }]);
  expect(made(events)).toEqual([]);
  expect(textOf(events)).toContain('Paris');
  expect(events.at(-1)).toMatchObject({ kind: 'finish', reason: 'stop' });
});

test('One answer may hold several calls where the template has a way for that', async () => {
  const turns = [...examples('open_door', 'light_on'), last];
  const events = await ask(templated, turns);
  expect(made(events)).toEqual([
    ['open_door', { room: 'garage' }],
    ['light_on', { room: 'garage' }],
  ]);
  const ids = events.flatMap((event) => (event.kind === 'call' ? [event.call.id] : []));
  expect(new Set(ids).size).toBe(2);

  const called: (string | null)[] = [];
  const order = { type: 'chat' as const, turns, tools: [...offer.tools], parallelCalls: false };
  const single = llm.generate(templated, { ...order, temperature: 0, maxTokens: 120 }, never);
  for await (const event of single) {
    if (event.type === 'call' && event.name !== null) called.push(event.name);
  }
  expect(called).toEqual(['open_door']);
});
