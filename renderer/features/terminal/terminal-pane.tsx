import { Plus, Search, TerminalSquare } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { LmError, toLmError, type ErrorData, type TerminalInfo } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { useEmbedded, usePlace, useSandbox } from '../../client/host-state';
import { createMirror, type MirrorStore } from '../../client/mirror';
import type { TerminalList } from '../../../electron/contract';
import { useCommands } from '../../lib/commands';
import { Badge, Button, EmptyState, ErrorBanner, IconButton, PanelHeader, Spinner, TabStrip } from '../../ui';
import { FindBar } from './find-bar';
import { QuestionDialog } from './question-dialog';
import styles from './terminal-pane.module.css';
import { TerminalSurface } from './terminal-surface';
import { createTerminalStore } from './terminal-store';
import { useFontSizeCommands } from './use-font-size-commands';
import type { TerminalView } from './terminal-view';

const initialSize = { columns: 80, rows: 24 };
const runningPhases = new Set(['starting', 'healthy', 'unhealthy']);

/** Shells in the sandbox, in tabs. They live in the host; this pane only shows them. */
export function TerminalPane() {
  const host = useHost();
  const sandbox = useSandbox().value;
  const [mirror, setMirror] = useState<MirrorStore<TerminalList> | null>(null);
  useEffect(() => {
    const created = createMirror(host, () => host.call('terminal.list', null), 'terminal.changed');
    setMirror(created);
    return () => created.dispose();
  }, [host]);
  const embedded = useEmbedded().value;
  const place = usePlace();
  if (!mirror) return null;
  if (place === 'embedded') {
    const ready = embedded?.state === 'ready';
    const runKey = ready ? `embedded-${String(embedded.startedAtMs)}` : null;
    return <TerminalTabs mirror={mirror} running={ready} runKey={runKey} />;
  }
  const running = sandbox ? runningPhases.has(sandbox.phase) && sandbox.operation === null : false;
  return <TerminalTabs mirror={mirror} running={running} runKey={runKeyOf(sandbox?.container)} />;
}

function runKeyOf(container: { id: string; startedAtMs: number | null } | null | undefined): string | null {
  return container ? `${container.id}-${String(container.startedAtMs)}` : null;
}

interface TerminalTabsProps {
  readonly mirror: MirrorStore<TerminalList>;
  readonly running: boolean;
  /** Changes with each run of the container; the first shell of a run opens by itself. */
  readonly runKey: string | null;
}

function TerminalTabs({ mirror, running, runKey }: TerminalTabsProps) {
  const host = useHost();
  const { status, value } = useStore(mirror.store);
  const terminals = useMemo(() => value?.terminals ?? [], [value]);
  const store = useMemo(createTerminalStore, []);
  const { activeId, find, opening } = useStore(store);
  const [error, setError] = useState<ErrorData | null>(null);
  const views = useRef(new Map<string, TerminalView>());
  const openedFor = useRef<string | null>(null);

  const active = terminals.find(({ id }) => id === activeId) ?? terminals.at(-1) ?? null;

  const open = useCallback(async () => {
    store.setState({ opening: true });
    setError(null);
    try {
      const shown = active ? views.current.get(active.id)?.terminal : null;
      const size = shown ? { columns: shown.cols, rows: shown.rows } : initialSize;
      const info = await host.call('terminal.open', size);
      store.select(info.id);
      await mirror.refresh();
      views.current.get(info.id)?.focus();
    } catch (failure) {
      setError(toLmError(failure).data);
    } finally {
      store.setState({ opening: false });
    }
  }, [active, host, mirror, store]);

  const close = useCallback(
    async (id: string) => {
      try {
        await host.call('terminal.close', { id });
      } catch (failure) {
        const known = toLmError(failure);
        if (known.code !== 'not_found') setError(known.data);
      }
    },
    [host],
  );

  useEffect(() => {
    if (!running || status !== 'ready' || runKey === null || openedFor.current === runKey) return;
    openedFor.current = runKey;
    if (!terminals.some((terminal) => terminal.status === 'running')) void open();
  }, [open, runKey, running, status, terminals]);

  const lastList = useRef<TerminalList | null>(null);
  useEffect(() => {
    const lost = lastList.current && value ? shellsLost(lastList.current, value) : 0;
    lastList.current = value;
    if (lost > 0) setError(hostRestarted(lost).data);
  }, [value]);

  const setFind = useCallback(
    (change: Partial<typeof find>) => store.setState((state) => ({ find: { ...state.find, ...change } })),
    [store],
  );

  useCommands([
    {
      id: 'terminal.new',
      title: 'New terminal',
      group: 'Terminal',
      shortcut: 'Ctrl+Shift+T',
      evenInTerminal: true,
      when: () => running,
      run: () => void open(),
    },
    {
      id: 'terminal.close',
      title: 'Close terminal',
      group: 'Terminal',
      shortcut: 'Ctrl+Shift+W',
      evenInTerminal: true,
      when: () => active !== null,
      run: () => active && void close(active.id),
    },
    {
      id: 'terminal.find',
      title: 'Find in terminal',
      group: 'Terminal',
      shortcut: 'Ctrl+Shift+F',
      evenInTerminal: true,
      when: () => active !== null,
      run: () => setFind({ open: true }),
    },
    ...terminalSwitchCommands(terminals, active, (id) => {
      store.select(id);
      views.current.get(id)?.focus();
    }),
  ]);
  useFontSizeCommands();

  return (
    <section className={styles.pane} aria-label="Terminal">
      <PanelHeader
        pane
        title={terminals.length === 0 ? 'Terminal' : undefined}
        icon={terminals.length === 0 ? <TerminalSquare size={15} /> : undefined}
        actions={
          <>
            <IconButton
              label="Find"
              shortcut="Ctrl+Shift+F"
              icon={<Search size={15} />}
              disabled={!active}
              onClick={() => setFind({ open: !find.open })}
            />
            <IconButton
              label="New terminal"
              shortcut="Ctrl+Shift+T"
              icon={<Plus size={16} />}
              busy={opening}
              disabled={!running}
              onClick={() => void open()}
            />
          </>
        }
      >
        {terminals.length > 0 && (
          <TabStrip
            label="Terminals"
            tabs={terminals.map((terminal) => ({
              id: terminal.id,
              title: terminal.title,
              badge: (
                <>
                  {terminal.place === 'unisolated' && <Badge tone="warning">not isolated</Badge>}
                  <EndBadge terminal={terminal} />
                </>
              ),
            }))}
            activeId={active?.id ?? null}
            onSelect={(id) => store.select(id)}
            onClose={(id) => void close(id)}
            panelId={panelId}
          />
        )}
      </PanelHeader>
      {error && (
        <ErrorBanner
          error={error}
          onDismiss={() => setError(null)}
          onRetry={() => void open()}
          retryLabel={error.code === 'disconnected' ? 'New terminal' : undefined}
        />
      )}
      {find.open && active && (
        <FindBar
          text={find.text}
          index={find.index}
          count={find.count}
          onFind={(text, direction, options) => {
            setFind({ text });
            views.current.get(active.id)?.find(text, direction, options);
          }}
          onClose={() => {
            setFind({ open: false });
            views.current.get(active.id)?.endFind();
          }}
        />
      )}
      {active?.place === 'unisolated' && active.status === 'running' && (
        <p className={styles.unisolated} role="note">
          Not isolated: what runs in this terminal can read, change and delete what you can.
        </p>
      )}
      <div className={styles.screens}>
        {terminals.map((terminal) => (
          <TerminalSurface
            key={terminal.id}
            id={panelId(terminal.id)}
            terminal={terminal}
            shown={terminal.id === active?.id}
            views={views.current}
            onQuestion={(about) => store.ask({ terminalId: terminal.id, about })}
            onSearchResult={(result) => setFind(result)}
            onError={(failure) => {
              // The app itself says that the connection is lost, and a shell that was closed while its terminal was
              // being resized goes from the list.
              if (failure.code !== 'disconnected' && failure.code !== 'not_found') setError(failure.data);
            }}
            onNew={running ? () => void open() : null}
            onClose={() => void close(terminal.id)}
          />
        ))}
        {terminals.length === 0 && (
          <NoTerminals running={running} opening={opening} onOpen={() => void open()} />
        )}
      </div>
      <QuestionDialog store={store} views={views.current} />
    </section>
  );
}

/** Running shells of `before` that ended with their host: a host that was started again counts revisions anew. */
function shellsLost(before: TerminalList, now: TerminalList): number {
  if (now.revision >= before.revision) return 0;
  const kept = new Set(now.terminals.map(({ id }) => id));
  return before.terminals.filter(({ id, status }) => status === 'running' && !kept.has(id)).length;
}

function hostRestarted(shells: number): LmError {
  const went =
    shells === 1 ? 'the shell that was open is' : `the ${String(shells)} shells that were open are`;
  return new LmError('disconnected', `The app's host process ended and was started again; ${went} gone.`, {
    repair: { text: 'Open a new terminal. The files of the workspace are as they were.' },
  });
}

const panelId = (id: string) => `terminal-panel-${id}`;

function terminalSwitchCommands(
  terminals: readonly TerminalInfo[],
  active: TerminalInfo | null,
  select: (id: string) => void,
) {
  const step = (distance: number) => {
    const index = terminals.findIndex(({ id }) => id === active?.id);
    const next = terminals.at((index + distance) % terminals.length);
    if (next) select(next.id);
  };
  return [
    {
      id: 'terminal.next',
      title: 'Next terminal',
      group: 'Terminal',
      shortcut: 'Ctrl+PageDown',
      evenInTerminal: true,
      when: () => terminals.length > 1,
      run: () => step(1),
    },
    {
      id: 'terminal.previous',
      title: 'Previous terminal',
      group: 'Terminal',
      shortcut: 'Ctrl+PageUp',
      evenInTerminal: true,
      when: () => terminals.length > 1,
      run: () => step(-1),
    },
  ];
}

function EndBadge({ terminal }: { readonly terminal: TerminalInfo }) {
  if (terminal.status === 'exited') {
    const failed = terminal.exitCode !== 0;
    return <Badge tone={failed ? 'danger' : 'neutral'}>exit {terminal.exitCode ?? '?'}</Badge>;
  }
  if (terminal.status !== 'lost') return null;
  return terminal.error?.code === 'container_not_running' ||
    terminal.error?.code === 'sandbox_not_running' ? (
    <Badge>stopped</Badge>
  ) : (
    <Badge tone="warning">lost</Badge>
  );
}

function NoTerminals(props: {
  readonly running: boolean;
  readonly opening: boolean;
  readonly onOpen: () => void;
}) {
  if (props.opening) {
    return (
      <div className={styles.center} role="status">
        <Spinner /> Opening a shell in the sandbox…
      </div>
    );
  }
  return props.running ? (
    <EmptyState
      icon={<TerminalSquare size={28} />}
      title="No terminal is open"
      description="A terminal is a shell inside the sandbox. It goes on when this window is closed or reloaded."
      actions={
        <Button variant="primary" icon={<Plus size={15} />} onClick={props.onOpen}>
          New terminal
        </Button>
      }
    />
  ) : (
    <EmptyState
      icon={<TerminalSquare size={28} />}
      title="The sandbox is not running"
      description="Start it, and a shell inside it opens here."
    />
  );
}
