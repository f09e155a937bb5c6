import { Play, Search, Settings, Square } from 'lucide-react';
import { useEmbedded, useEngine, usePlace, useSandbox } from '../client/host-state';
import {
  useEmbeddedActions,
  useEmbeddedActionState,
  useSandboxActions,
  useSandboxActionState,
} from '../features/setup';
import { allowedEmbedded, describeEmbedded } from '../lib/embedded-state';
import { allowedOperations, describePhase, isRunning } from '../lib/sandbox-phase';
import { useMediaQuery } from '../lib/use-media-query';
import { Button, IconButton, StatusDot, Tooltip, VisuallyHidden } from '../ui';
import { paneIds, useLayout, type PaneId } from './layout-store';
import { paneTitles } from './pane-titles';
import { narrowQuery, visiblePanes } from './workspace';
import styles from './status-bar.module.css';

export interface StatusBarProps {
  readonly onPane: (pane: PaneId) => void;
  /** The set-up fills the window, so no pane is shown. */
  readonly settingUp: boolean;
  readonly onPalette: () => void;
  readonly onSettings: () => void;
}

/** The bar on top: how the sandbox is, its quick actions, and which panes are shown. */
export function StatusBar({ onPane, settingUp, onPalette, onSettings }: StatusBarProps) {
  const layout = useLayout((state) => state);
  const narrow = useMediaQuery(narrowQuery);
  const visible = settingUp ? [] : visiblePanes(layout, narrow);
  const embedded = usePlace() === 'embedded';

  return (
    <header className={styles.bar}>
      {embedded ? (
        <EmbeddedChip onClick={() => onPane('sandbox')} />
      ) : (
        <SandboxChip onClick={() => onPane('sandbox')} />
      )}
      <PhaseAnnouncement />
      <div className={styles.quick}>{embedded ? <EmbeddedQuickActions /> : <QuickActions />}</div>
      <div className={styles.space} />
      <nav className={styles.panes} aria-label="Panes">
        {paneIds.map((pane) => (
          <Tooltip key={pane} text={paneTitles[pane].title} shortcut={paneTitles[pane].shortcut}>
            <button
              type="button"
              className={styles.pane}
              // Where there is room for the icon alone it would have no name.
              aria-label={paneTitles[pane].title}
              aria-pressed={visible.includes(pane)}
              onClick={() => onPane(pane)}
            >
              {paneTitles[pane].icon}
              <span className={styles.paneTitle}>{paneTitles[pane].title}</span>
            </button>
          </Tooltip>
        ))}
      </nav>
      <div className={styles.tools}>
        <IconButton label="Command palette" shortcut="Ctrl+Shift+P" icon={<Search />} onClick={onPalette} />
        <IconButton label="Settings" shortcut="Ctrl+," icon={<Settings />} onClick={onSettings} />
      </div>
    </header>
  );
}

const products = { docker: 'Docker', podman: 'Podman', unknown: 'Engine' };

function SandboxChip({ onClick }: { readonly onClick: () => void }) {
  const engine = useEngine().value;
  const status = useSandbox().value;
  const { pending } = useSandboxActionState();
  const phase = describePhase(
    status ? { phase: status.phase, operation: status.operation ?? pending } : null,
  );
  // Without an engine the phase says so already.
  const engineText =
    engine?.state === 'connected' ? `${products[engine.facts.product]} ${engine.facts.version}` : null;
  return (
    <Tooltip text="Sandbox" shortcut="Ctrl+4">
      <button type="button" className={styles.chip} onClick={onClick}>
        <StatusDot tone={phase.tone} pulsing={phase.moving} />
        <span className={styles.chipName}>{status?.container?.name ?? 'Sandbox'}</span>
        <span className={styles.chipPhase}>{phase.label}</span>
        {engineText && <span className={styles.chipEngine}>{engineText}</span>}
      </button>
    </Tooltip>
  );
}

/** Reads out each change of state; inside the button nothing would be read. */
function PhaseAnnouncement() {
  const status = useSandbox().value;
  const embedded = useEmbedded().value;
  const { label } = usePlace() === 'embedded' ? describeEmbedded(embedded) : describePhase(status);
  return <VisuallyHidden role="status">Sandbox: {label}</VisuallyHidden>;
}

function EmbeddedChip({ onClick }: { readonly onClick: () => void }) {
  const status = useEmbedded().value;
  const phase = describeEmbedded(status);
  const running = status?.state === 'ready' && status.isolation.kind === 'bubblewrap';
  return (
    <Tooltip text="Sandbox" shortcut="Ctrl+4">
      <button type="button" className={styles.chip} onClick={onClick}>
        <StatusDot tone={phase.tone} pulsing={phase.moving} />
        <span className={styles.chipName}>Embedded</span>
        <span className={styles.chipPhase}>{phase.label}</span>
        {running && (
          <span className={styles.chipNetwork}>{status.network ? 'Network on' : 'Network off'}</span>
        )}
      </button>
    </Tooltip>
  );
}

/** Start only: a stop ends what runs without asking, so it is left to the sandbox view, which asks. */
function EmbeddedQuickActions() {
  const status = useEmbedded().value;
  const actions = useEmbeddedActions();
  const { pending } = useEmbeddedActionState();
  const state = status?.state ?? null;
  if (state === 'needs-consent' || !allowedEmbedded(state).has('start')) return null;
  return (
    <Button
      size="small"
      variant="primary"
      icon={<Play size={13} />}
      busy={pending === 'start'}
      onClick={() => void actions.start()}
    >
      Start
    </Button>
  );
}

function QuickActions() {
  const status = useSandbox().value;
  const actions = useSandboxActions();
  const { pending } = useSandboxActionState();
  if (!status) return null;
  const operation = status.operation ?? pending;
  const allowed = allowedOperations({ phase: status.phase, operation });
  if (operation === 'stop' || (isRunning(status.phase) && allowed.has('stop'))) {
    return (
      <Button
        size="small"
        variant="ghost"
        icon={<Square size={13} />}
        busy={operation === 'stop'}
        onClick={() => void actions.stop()}
      >
        Stop
      </Button>
    );
  }
  if (operation === 'start' || allowed.has('start')) {
    return (
      <Button
        size="small"
        variant="primary"
        icon={<Play size={13} />}
        busy={operation === 'start'}
        onClick={() => void actions.start()}
      >
        Start
      </Button>
    );
  }
  return null;
}
