import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { toLmError } from '../../electron/contract';
import { useHost } from '../client/host-context';
import {
  useEmbedded,
  useEngine,
  useHostState,
  usePlace,
  useSandbox,
  useSettings,
} from '../client/host-state';
import {
  embeddedNeedsSetup,
  needsSetup,
  SetupView,
  useEmbeddedActions,
  useSandboxActions,
} from '../features/setup';
import { useCommandRegistry, useCommands } from '../lib/commands';
import { allowedEmbedded, describeEmbedded } from '../lib/embedded-state';
import { allowedOperations, describePhase } from '../lib/sandbox-phase';
import { useMediaQuery } from '../lib/use-media-query';
import { Button, Spinner, useNotify } from '../ui';
import { shellCommands } from './commands';
import { ConnectionBanner } from './connection-banner';
import { ErrorBoundary } from './error-boundary';
import { useLayout, useLayoutActions, useLayoutStore, type PaneId } from './layout-store';
import type { PaneContents } from './pane-contents';
import { StatusBar } from './status-bar';
import { setThemeChoice } from './theme';
import { useActionErrorNotice } from './use-action-error-notice';
import { useMenuCommands } from './use-menu-commands';
import { useShortcuts } from './use-shortcuts';
import { narrowQuery, visiblePanes, Workspace } from './workspace';
import styles from './app-shell.module.css';

const CommandPalette = lazy(() =>
  import('./command-palette').then((module) => ({ default: module.CommandPalette })),
);
const ShortcutsDialog = lazy(() =>
  import('./shortcuts-dialog').then((module) => ({ default: module.ShortcutsDialog })),
);
const SettingsDialog = lazy(() =>
  import('../features/settings').then((module) => ({ default: module.SettingsDialog })),
);

type OpenDialog = 'palette' | 'settings' | 'shortcuts' | null;

/** The window: status bar on top, below it the first-run set-up or the panes. */
export function AppShell({ contents }: { readonly contents: PaneContents }) {
  const registry = useCommandRegistry();
  const layout = useLayoutStore();
  const actions = useLayoutActions();
  const narrow = useMediaQuery(narrowQuery);
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [setup, finishSetup] = useSetupMode();
  const [focusRequest, setFocusRequest] = useState<{ pane: PaneId; count: number } | null>(null);
  useThemeOfSettings();
  useWindowTitle();

  const focusPane = useCallback(
    (pane: PaneId) => {
      finishSetup();
      actions.reveal(pane);
      setFocusRequest((last) => ({ pane, count: (last?.count ?? 0) + 1 }));
    },
    [actions, finishSetup],
  );
  const inSight = useCallback(
    (pane: PaneId) => setup === 'no' && visiblePanes(layout.store.getState(), narrow).includes(pane),
    [layout, narrow, setup],
  );
  const pressPane = (pane: PaneId) => {
    // In a narrow window the buttons are tabs, and a tab is not closed by a second click.
    if (inSight(pane) && !narrow) actions.toggle(pane);
    else focusPane(pane);
  };
  useShellCommands({ focusPane, setDialog });
  useShortcuts(registry);
  useMenuCommands(registry, focusPane);
  useActionErrorNotice(
    useCallback(() => setup === 'yes' || inSight('sandbox'), [inSight, setup]),
    useCallback(() => focusPane('sandbox'), [focusPane]),
  );

  return (
    <div className={styles.shell}>
      <ConnectionBanner />
      <StatusBar
        settingUp={setup !== 'no'}
        onPane={pressPane}
        onPalette={() => setDialog('palette')}
        onSettings={() => setDialog('settings')}
      />
      {setup === 'no' && <StateLine onShow={() => focusPane('sandbox')} />}
      <main className={setup === 'yes' ? styles.setup : styles.main}>
        {setup === 'undecided' && <Connecting />}
        {setup === 'yes' && (
          <ErrorBoundary name="The set-up">
            <SetupView onFinished={() => focusPane('terminal')} />
          </ErrorBoundary>
        )}
        {setup === 'no' && <Workspace contents={contents} focusRequest={focusRequest} />}
      </main>
      <Suspense>
        {dialog === 'palette' && <CommandPalette onClose={() => setDialog(null)} />}
        {dialog === 'shortcuts' && <ShortcutsDialog onClose={() => setDialog(null)} />}
        {dialog === 'settings' && <SettingsDialog open onOpenChange={() => setDialog(null)} />}
      </Suspense>
    </div>
  );
}

/**
 * Whether the set-up fills the window. Decided once, when the host has first said how things are: what happens
 * later (an engine that dies, a container removed by hand) must not take the panes away from under a person.
 */
function useSetupMode(): readonly ['undecided' | 'yes' | 'no', () => void] {
  const engine = useEngine().value;
  const sandbox = useSandbox().value;
  const embedded = useEmbedded().value;
  const settings = useSettings();
  const place = usePlace();
  const [mode, setMode] = useState<'undecided' | 'yes' | 'no'>('undecided');
  if (mode === 'undecided' && settings.status !== 'loading' && place === 'embedded') {
    const checked = embedded !== null && embedded.state !== 'checking';
    if (checked) setMode(embeddedNeedsSetup(embedded) ? 'yes' : 'no');
  }
  const known =
    settings.status !== 'loading' &&
    place === 'container' &&
    engine !== null &&
    sandbox !== null &&
    engine.state !== 'searching';
  // With an engine that has just been found the container's state follows a moment later.
  const settled = known && !(engine.state === 'connected' && sandbox.phase === 'unknown');
  if (mode === 'undecided' && settled) setMode(needsSetup(engine, sandbox) ? 'yes' : 'no');
  const finish = useCallback(() => setMode('no'), []);
  return [mode, finish];
}

function useThemeOfSettings(): void {
  const theme = useSettings().value?.settings.theme;
  useEffect(() => {
    if (theme) setThemeChoice(theme);
  }, [theme]);
}

function useWindowTitle(): void {
  const status = useSandbox().value;
  const embedded = useEmbedded().value;
  const place = usePlace();
  const { label } = place === 'embedded' ? describeEmbedded(embedded) : describePhase(status);
  useEffect(() => {
    document.title = `lm-sandbox – ${label}`;
  }, [label]);
}

function useShellCommands({
  focusPane,
  setDialog,
}: {
  readonly focusPane: (pane: PaneId) => void;
  readonly setDialog: (dialog: OpenDialog) => void;
}): void {
  const host = useHost();
  const notify = useNotify();
  const { sandbox, embedded } = useHostState();
  const place = usePlace();
  const embeddedActions = useEmbeddedActions();
  const layout = useLayoutStore();
  const sandboxActions = useSandboxActions();
  const narrow = useMediaQuery(narrowQuery);

  const report = (title: string) => (error: unknown) =>
    notify({ tone: 'danger', title, description: toLmError(error).message });
  const isEmbedded = place === 'embedded';
  const allowed = (operation: 'start' | 'stop') =>
    isEmbedded
      ? allowedEmbedded(embedded.store.getState().value?.state ?? null).has(operation)
      : allowedOperations(sandbox.store.getState().value).has(operation);
  const actions = isEmbedded ? embeddedActions : sandboxActions;

  useCommands(
    shellCommands({
      focusPane,
      cyclePane: (step) => {
        const state = layout.store.getState();
        const cycle = narrow ? state.shown : visiblePanes(state, false);
        const index = cycle.indexOf(state.active);
        const next = cycle.at((index + step + cycle.length) % cycle.length);
        if (next) focusPane(next);
      },
      toggleMaximised: () => layout.actions.toggleMaximised(layout.store.getState().active),
      resetLayout: () => layout.actions.reset(),
      openPalette: () => setDialog('palette'),
      openSettings: () => setDialog('settings'),
      openShortcuts: () => setDialog('shortcuts'),
      setTheme: (theme) => {
        host.call('settings.update', { theme }).catch(report('The theme could not be saved.'));
      },
      startSandbox: () => void actions.start(),
      stopSandbox: () => void actions.stop(),
      restartSandbox: () => void actions.restart(),
      canStart: () => allowed('start'),
      canStop: () => allowed('stop'),
      searchEngine: () => {
        host.call('engine.search', null).catch(report('The search for an engine failed.'));
      },
    }),
  );
}

/** While the host has not yet said how things are. Shown late, since mostly it says so at once. */
function Connecting() {
  const engine = useEngine();
  return (
    <div className={styles.connecting} role="status">
      <Spinner />
      {engine.value?.state === 'searching' ? 'Looking for Docker or Podman…' : 'Connecting to the host…'}
    </div>
  );
}

/** One line above the panes while there is nothing for them to work with. */
function StateLine({ onShow }: { readonly onShow: () => void }) {
  const engine = useEngine().value;
  const sandbox = useSandbox().value;
  const embedded = useEmbedded().value;
  const place = usePlace();
  const shown = useLayout((layout) => layout.shown.includes('sandbox') && layout.active === 'sandbox');
  const needed = place === 'embedded' ? embeddedNeedsSetup(embedded) : needsSetup(engine, sandbox);
  if (shown || !needed) return null;
  const unavailable = place === 'container' && engine?.state === 'unavailable';
  const text =
    place === 'embedded'
      ? (embedded?.error?.message ?? 'Nothing isolates the embedded sandbox here.')
      : engine?.state === 'unavailable'
        ? engine.error.message
        : sandbox?.phase === 'foreign'
          ? 'The name of the sandbox belongs to another container.'
          : 'There is no sandbox yet.';
  return (
    <div className={styles.stateLine} role="status">
      <span className={styles.stateText}>{text}</span>
      <Button size="small" onClick={onShow}>
        {unavailable || place === 'embedded' ? 'What to do' : 'Set it up'}
      </Button>
    </div>
  );
}
