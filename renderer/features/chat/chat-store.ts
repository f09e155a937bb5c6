import { z } from 'zod';
import { createStore, type StoreApi } from 'zustand/vanilla';
import {
  generationOptionsSchema,
  modelReferenceSchema,
  type ErrorData,
  type GenerationOptions,
  type ModelReference,
} from '../../../electron/contract';
import { persisted } from '../../lib/persisted';

/** What only this page knows of the chat; what the host knows is mirrored elsewhere. */
export interface ChatState {
  /** Null: a new conversation that is created with its first question. */
  readonly conversationId: string | null;
  readonly listOpen: boolean;
  /** Unsent text by conversation; see `draftKey`. */
  readonly drafts: Readonly<Record<string, string>>;
  readonly lastModel: ModelReference | null;
  readonly options: GenerationOptions;
  /** Why the last action failed. */
  readonly error: ErrorData | null;
}

const keptSchema = z.object({
  conversationId: z.string().nullable(),
  listOpen: z.boolean(),
  drafts: z.record(z.string(), z.string().max(200_000)),
  lastModel: modelReferenceSchema.nullable(),
  options: generationOptionsSchema,
});

export interface ChatStore {
  readonly store: StoreApi<ChatState>;
  set(change: Partial<ChatState>): void;
  setDraft(conversationId: string | null, text: string): void;
}

/** The key of the draft of a conversation; one that is not there yet has the empty one, which no id can be. */
export function draftKey(conversationId: string | null): string {
  return conversationId ?? '';
}

/** Drafts, the chosen conversation and the options come back when the page is loaded again. */
export function createChatStore(storage?: Pick<Storage, 'getItem' | 'setItem'> | null): ChatStore {
  const kept = persisted('lm-sandbox.chat', keptSchema, storage);
  const store = createStore<ChatState>(() => ({
    conversationId: null,
    listOpen: true,
    drafts: {},
    lastModel: null,
    options: { temperature: null, maxTokens: null },
    ...kept.read(),
    error: null,
  }));
  const set = (change: Partial<ChatState>): void => {
    store.setState(change);
    const { conversationId, listOpen, drafts, lastModel, options } = store.getState();
    kept.write({ conversationId, listOpen, drafts, lastModel, options });
  };
  return {
    store,
    set,
    setDraft: (conversationId, text) => {
      const key = draftKey(conversationId);
      const others = Object.entries(store.getState().drafts).filter(([known]) => known !== key);
      set({ drafts: Object.fromEntries(text === '' ? others : [...others, [key, text]]) });
    },
  };
}
