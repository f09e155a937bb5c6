import { Maximize2, Minimize2, X } from 'lucide-react';
import { Suspense, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { Group, Panel, Separator, useGroupRef } from 'react-resizable-panels';
import { PaneVisibilityProvider } from '../lib/pane-visibility';
import { useMediaQuery } from '../lib/use-media-query';
import { IconButton, PaneChromeProvider, Spinner } from '../ui';
import { ErrorBoundary } from './error-boundary';
import { useLayout, useLayoutActions, type PaneId } from './layout-store';
import type { PaneContents } from './pane-contents';
import { paneTitles } from './pane-titles';
import styles from './workspace.module.css';

/** Below this width the panes stand behind each other and the status bar's buttons are their tabs. */
export const narrowQuery = '(max-width: 1019px)';

const leftPanes: readonly PaneId[] = ['terminal', 'dashboard'];
const rightPanes: readonly PaneId[] = ['chat', 'sandbox'];

/** Which panes can be seen now, in reading order. */
export function visiblePanes(
  layout: { readonly shown: readonly PaneId[]; readonly maximised: PaneId | null; readonly active: PaneId },
  narrow: boolean,
): readonly PaneId[] {
  if (layout.maximised) return [layout.maximised];
  const shown = [...leftPanes, ...rightPanes].filter((pane) => layout.shown.includes(pane));
  if (!narrow) return shown;
  const active = shown.includes(layout.active) ? layout.active : shown[0];
  return active ? [active] : [];
}

export interface WorkspaceProps {
  readonly contents: PaneContents;
  /** Counts up with each wish to move the focus into `focusPane`. */
  readonly focusRequest: { readonly pane: PaneId; readonly count: number } | null;
}

/**
 * The panes in their columns.
 *
 * Each pane renders into a div of its own which is only moved between places, so that rearranging, maximising or
 * narrowing the window never unmounts a terminal or a half-written question.
 */
export function Workspace({ contents, focusRequest }: WorkspaceProps) {
  const layout = useLayout((state) => state);
  const { setActive } = useLayoutActions();
  const narrow = useMediaQuery(narrowQuery);
  const visible = visiblePanes(layout, narrow);
  const [hosts] = useState(createPaneHosts);
  const opened = useOpenedPanes(visible);

  useEffect(() => {
    if (focusRequest) focusInto(hosts[focusRequest.pane]);
  }, [focusRequest, hosts]);

  const slot = (pane: PaneId) => <PaneSlot key={pane} element={hosts[pane]} />;
  const [only] = visible;
  return (
    <>
      {visible.length === 1 && only ? (
        slot(only)
      ) : (
        <Columns
          left={leftPanes.filter((pane) => visible.includes(pane))}
          right={rightPanes.filter((pane) => visible.includes(pane))}
          slot={slot}
        />
      )}
      {/* After the slots: their effects then attach the div before the pane's own effects measure it. */}
      {opened.map((pane) =>
        createPortal(
          <PaneVisibilityProvider value={visible.includes(pane)}>
            <PaneChromeProvider value={<PaneButtons pane={pane} narrow={narrow} />}>
              <section
                className={styles.pane}
                aria-label={paneTitles[pane].title}
                tabIndex={-1}
                onFocus={() => setActive(pane)}
              >
                <ErrorBoundary name={`The ${paneTitles[pane].title.toLowerCase()}`}>
                  <Suspense fallback={<PaneLoading />}>{contents[pane]}</Suspense>
                </ErrorBoundary>
              </section>
            </PaneChromeProvider>
          </PaneVisibilityProvider>,
          hosts[pane],
          pane,
        ),
      )}
    </>
  );
}

function Columns({
  left,
  right,
  slot,
}: {
  readonly left: readonly PaneId[];
  readonly right: readonly PaneId[];
  readonly slot: (pane: PaneId) => ReactNode;
}) {
  const leftColumn = left.length > 0 && (
    <SizedGroup name={left.join('+')} orientation="vertical" ids={left} minPx={140}>
      {slot}
    </SizedGroup>
  );
  const rightColumn = right.length > 0 && (
    <SizedGroup name={right.join('+')} orientation="vertical" ids={right} minPx={140}>
      {slot}
    </SizedGroup>
  );
  if (!leftColumn || !rightColumn) return leftColumn || rightColumn;
  return (
    <SizedGroup name="columns" orientation="horizontal" ids={['left', 'right']} minPx={340}>
      {(id) => (id === 'left' ? leftColumn : rightColumn)}
    </SizedGroup>
  );
}

const defaultShares: Readonly<Record<PaneId | 'left' | 'right', number>> = {
  left: 58,
  right: 42,
  terminal: 60,
  dashboard: 40,
  chat: 55,
  sandbox: 45,
};

interface SizedGroupProps<Id extends keyof typeof defaultShares> {
  /** Under which its sizes are kept. */
  readonly name: string;
  readonly orientation: 'horizontal' | 'vertical';
  readonly ids: readonly Id[];
  readonly minPx: number;
  readonly children: (id: Id) => ReactNode;
}

/** One or two panels with a separator that can be dragged, moved by arrow keys, and is remembered. */
function SizedGroup<Id extends keyof typeof defaultShares>({
  name,
  orientation,
  ids,
  minPx,
  children,
}: SizedGroupProps<Id>) {
  const saved = useLayout((layout) => layout.sizes[name]);
  const { saveSizes } = useLayoutActions();
  const group = useGroupRef();
  const [first, second] = ids;
  const sum = ids.reduce((total, id) => total + defaultShares[id], 0);
  const initial = Object.fromEntries(ids.map((id) => [id, (defaultShares[id] / sum) * 100]));
  const usable = saved && ids.every((id) => saved[id] !== undefined) ? saved : initial;
  const isReset = saved === undefined;

  useEffect(() => {
    // Sizes that are gone from the store were reset; before the first drag this changes nothing.
    if (isReset && ids.length === 2) group.current?.setLayout(initial);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only the moment of the reset counts
  }, [isReset]);

  if (!first) return null;
  if (!second) return children(first);
  return (
    <Group
      key={name}
      groupRef={group}
      id={`group-${name}`}
      className={styles.group}
      orientation={orientation}
      defaultLayout={usable}
      onLayoutChanged={(layout, meta) => {
        if (meta.isUserInteraction) saveSizes(name, meta.requestedLayout ?? layout);
      }}
    >
      <Panel id={first} minSize={minPx} className={styles.panel}>
        {children(first)}
      </Panel>
      <Separator
        className={styles.separator}
        aria-label={orientation === 'horizontal' ? 'Width of the columns' : 'Height of the panes'}
      />
      <Panel id={second} minSize={minPx} className={styles.panel}>
        {children(second)}
      </Panel>
    </Group>
  );
}

function PaneSlot({ element }: { readonly element: HTMLElement }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    place.current?.append(element);
    return () => element.remove();
  }, [element]);
  return <div className={styles.slot} ref={place} />;
}

function PaneButtons({ pane, narrow }: { readonly pane: PaneId; readonly narrow: boolean }) {
  const maximised = useLayout((layout) => layout.maximised === pane);
  const several = useLayout((layout) => layout.shown.length > 1);
  const { toggleMaximised, hide } = useLayoutActions();
  const title = paneTitles[pane].title.toLowerCase();
  if (narrow || !several) return null;
  return (
    <>
      <IconButton
        size="small"
        label={maximised ? `Restore the ${title}` : `Maximise the ${title}`}
        icon={maximised ? <Minimize2 /> : <Maximize2 />}
        onClick={() => toggleMaximised(pane)}
      />
      {!maximised && (
        <IconButton size="small" label={`Hide the ${title}`} icon={<X />} onClick={() => hide(pane)} />
      )}
    </>
  );
}

function PaneLoading() {
  return (
    <div className={styles.loading}>
      <Spinner label="Loading" />
    </div>
  );
}

function createPaneHosts(): Readonly<Record<PaneId, HTMLDivElement>> {
  const create = (pane: PaneId) => {
    const element = document.createElement('div');
    element.className = styles.host ?? '';
    element.dataset['pane'] = pane;
    return element;
  };
  return {
    terminal: create('terminal'),
    chat: create('chat'),
    dashboard: create('dashboard'),
    sandbox: create('sandbox'),
  };
}

/** The panes that were visible at least once: they are mounted, and stay so. */
function useOpenedPanes(visible: readonly PaneId[]): readonly PaneId[] {
  const [opened, setOpened] = useState<readonly PaneId[]>(visible);
  const added = visible.filter((pane) => !opened.includes(pane));
  if (added.length === 0) return opened;
  const all = [...opened, ...added];
  setOpened(all);
  return all;
}

/** Moves the focus to what a person would type into, else to the pane as a whole. */
function focusInto(pane: HTMLElement): void {
  const fields = [
    ...pane.querySelectorAll<HTMLElement>('[data-pane-focus], .xterm-helper-textarea, textarea'),
  ];
  const field = fields.find(
    (candidate) => candidate.getClientRects().length > 0 && !candidate.matches(':disabled'),
  );
  (field ?? pane.querySelector<HTMLElement>(':scope > section'))?.focus();
}
