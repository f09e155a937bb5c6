import { createStore, type StoreApi } from 'zustand/vanilla';
import type { PastePlan } from './paste';

export interface TerminalQuestion {
  readonly terminalId: string;
  readonly about:
    | { readonly kind: 'paste'; readonly plan: PastePlan }
    | { readonly kind: 'clipboard'; readonly text: string }
    | { readonly kind: 'link'; readonly url: string };
}

export interface TerminalUiState {
  readonly activeId: string | null;
  readonly find: {
    readonly open: boolean;
    readonly text: string;
    readonly index: number;
    readonly count: number;
  };
  /** Asked one after the other. */
  readonly questions: readonly TerminalQuestion[];
  readonly opening: boolean;
}

export type TerminalStore = StoreApi<TerminalUiState> & {
  select(id: string | null): void;
  ask(question: TerminalQuestion): void;
  answered(): void;
};

/** A program can ask for the clipboard as often as it likes; further questions are dropped. */
const maxQuestions = 3;

export function createTerminalStore(): TerminalStore {
  const store = createStore<TerminalUiState>(() => ({
    activeId: null,
    find: { open: false, text: '', index: -1, count: 0 },
    questions: [],
    opening: false,
  }));
  return Object.assign(store, {
    select: (activeId: string | null) => store.setState({ activeId }),
    ask: (question: TerminalQuestion) =>
      store.setState(({ questions }) => ({
        questions: questions.length < maxQuestions ? [...questions, question] : questions,
      })),
    answered: () => store.setState(({ questions }) => ({ questions: questions.slice(1) })),
  });
}
