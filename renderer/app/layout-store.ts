import { createContext, useContext } from 'react';
import { createStore, useStore, type StoreApi } from 'zustand';
import { z } from 'zod';
import { persisted, type Persisted } from '../lib/persisted';

export const paneIds = ['terminal', 'chat', 'dashboard', 'sandbox'] as const;
export type PaneId = (typeof paneIds)[number];

const sizesSchema = z.record(z.string(), z.number().min(0).max(100));

const layoutSchema = z.object({
  version: z.literal(1),
  shown: z.array(z.enum(paneIds)).min(1),
  maximised: z.enum(paneIds).nullable(),
  active: z.enum(paneIds),
  /** Percent of each panel by group; a group is named after the panels in it. */
  sizes: z.record(z.string(), sizesSchema),
});
export type Layout = z.infer<typeof layoutSchema>;

export const defaultLayout: Layout = {
  version: 1,
  shown: ['terminal', 'chat', 'dashboard'],
  maximised: null,
  active: 'terminal',
  sizes: {},
};

export interface LayoutActions {
  /** Shows the pane if needed, uncovers it, and makes it the active one. */
  readonly reveal: (pane: PaneId) => void;
  /** Hides the pane; the last one stays. */
  readonly hide: (pane: PaneId) => void;
  readonly toggle: (pane: PaneId) => void;
  readonly toggleMaximised: (pane: PaneId) => void;
  readonly setActive: (pane: PaneId) => void;
  readonly saveSizes: (group: string, sizes: Readonly<Record<string, number>>) => void;
  readonly reset: () => void;
}

export interface LayoutStore {
  readonly store: StoreApi<Layout>;
  readonly actions: LayoutActions;
}

const rememberedLayout = persisted('lm-sandbox.layout', layoutSchema);

/** Which panes are shown and how large; kept for the next start. */
export function createLayoutStore(storage: Persisted<Layout> = rememberedLayout): LayoutStore {
  const store = createStore<Layout>(() => storage.read() ?? defaultLayout);
  store.subscribe((layout) => storage.write(layout));

  const hide = (pane: PaneId) =>
    store.setState(({ shown, active, maximised }) => {
      const left = shown.filter((other) => other !== pane);
      const next = left[0];
      if (!next) return {};
      return {
        shown: left,
        active: active === pane ? next : active,
        maximised: maximised === pane ? null : maximised,
      };
    });
  const reveal = (pane: PaneId) =>
    store.setState(({ shown, maximised }) => ({
      shown: shown.includes(pane) ? shown : [...shown, pane],
      maximised: maximised === null || maximised === pane ? maximised : null,
      active: pane,
    }));

  return {
    store,
    actions: {
      reveal,
      hide,
      toggle: (pane) => {
        const { shown, maximised } = store.getState();
        const visible = shown.includes(pane) && (maximised === null || maximised === pane);
        if (visible) hide(pane);
        else reveal(pane);
      },
      toggleMaximised: (pane) =>
        store.setState(({ maximised }) => ({ maximised: maximised === pane ? null : pane, active: pane })),
      setActive: (pane) => {
        if (store.getState().active !== pane) store.setState({ active: pane });
      },
      saveSizes: (group, sizes) =>
        store.setState((layout) => ({ sizes: { ...layout.sizes, [group]: { ...sizes } } })),
      reset: () => store.setState(defaultLayout),
    },
  };
}

const LayoutContext = createContext<LayoutStore | null>(null);
export const LayoutProvider = LayoutContext.Provider;

export function useLayoutActions(): LayoutActions {
  return useLayoutStore().actions;
}

export function useLayout<T>(select: (layout: Layout) => T): T {
  return useStore(useLayoutStore().store, select);
}

export function useLayoutStore(): LayoutStore {
  const store = useContext(LayoutContext);
  if (!store) throw new Error('The layout needs a LayoutProvider above it.');
  return store;
}
