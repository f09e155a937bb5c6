import { useEffect, useRef } from 'react';
import type { LmError, TerminalInfo } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { useSettings } from '../../client/host-state';
import { usePaneVisible } from '../../lib/pane-visibility';
import { Button } from '../../ui';
import type { TerminalQuestion } from './terminal-store';
import styles from './terminal-pane.module.css';
import { TerminalView } from './terminal-view';
import { useTerminalScheme } from './use-terminal-scheme';

export interface TerminalSurfaceProps {
  readonly id: string;
  readonly terminal: TerminalInfo;
  /** True for the tab on top. */
  readonly shown: boolean;
  readonly views: Map<string, TerminalView>;
  readonly onQuestion: (about: TerminalQuestion['about']) => void;
  readonly onSearchResult: (result: { index: number; count: number }) => void;
  readonly onError: (error: LmError) => void;
  readonly onNew: (() => void) | null;
  readonly onClose: () => void;
}

const fallbackFontSize = 13;

/** The element xterm.js draws into, and the bar under a shell that has ended. */
export function TerminalSurface(props: TerminalSurfaceProps) {
  const host = useHost();
  const settings = useSettings().value?.settings ?? null;
  const scheme = useTerminalScheme(settings?.terminalTheme ?? 'app', host);
  const paneVisible = usePaneVisible();
  const element = useRef<HTMLDivElement>(null);
  const view = useRef<TerminalView | null>(null);
  const latest = useRef({ props, settings, scheme });
  useEffect(() => {
    latest.current = { props, settings, scheme };
  });

  const { views, terminal, shown } = props;
  const terminalId = terminal.id;

  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const created = new TerminalView({
      host,
      terminalId,
      fontFamily: getComputedStyle(target).fontFamily,
      fontSize: latest.current.settings?.terminalFontSize ?? fallbackFontSize,
      scheme: latest.current.scheme,
      confirmMultiLinePaste: () => latest.current.settings?.confirmMultiLinePaste ?? true,
      onLink: (url) => latest.current.props.onQuestion({ kind: 'link', url }),
      onPasteQuestion: (plan) => latest.current.props.onQuestion({ kind: 'paste', plan }),
      onClipboardRequest: (text) => latest.current.props.onQuestion({ kind: 'clipboard', text }),
      onError: (error) => latest.current.props.onError(error),
      onSearchResult: (result) => latest.current.props.onSearchResult(result),
      onBell: () => flash(target),
    });
    view.current = created;
    views.set(terminalId, created);
    created.mount(target);
    return () => {
      views.delete(terminalId);
      view.current = null;
      created.dispose();
    };
  }, [host, terminalId, views]);

  const fontSize = settings?.terminalFontSize ?? fallbackFontSize;
  useEffect(() => {
    if (element.current) view.current?.setFont(getComputedStyle(element.current).fontFamily, fontSize);
  }, [fontSize]);
  useEffect(() => view.current?.setScheme(scheme), [scheme]);
  useEffect(() => {
    view.current?.setVisible(shown && paneVisible);
    if (shown && paneVisible && document.activeElement === document.body) view.current?.focus();
  }, [paneVisible, shown]);

  return (
    <div
      id={props.id}
      role="tabpanel"
      aria-label={terminal.title}
      className={styles.surface}
      hidden={!shown}
      style={{ background: scheme.background }}
    >
      <div ref={element} className={styles.screen} data-terminal-id={terminalId} />
      <EndBar terminal={terminal} onNew={props.onNew} onClose={props.onClose} />
    </div>
  );
}

function EndBar(props: {
  readonly terminal: TerminalInfo;
  readonly onNew: (() => void) | null;
  readonly onClose: () => void;
}) {
  const { status, exitCode, error } = props.terminal;
  if (status !== 'exited' && status !== 'lost') return null;
  const text =
    status === 'lost'
      ? `${error?.message ?? 'The shell was lost.'} ${error?.repair?.text ?? ''}`
      : exitCode === null
        ? 'The shell has ended.'
        : `The shell has ended with exit code ${String(exitCode)}.`;
  return (
    <div className={styles.endBar} role="status">
      <span className={styles.endText}>{text}</span>
      {props.onNew && (
        <Button size="small" onClick={props.onNew}>
          New terminal
        </Button>
      )}
      <Button size="small" variant="ghost" onClick={props.onClose}>
        Close
      </Button>
    </div>
  );
}

const flashMs = 120;
const flashing = new WeakSet<HTMLElement>();

/** A visible bell; one that rings on and on flashes no faster than it can be seen. */
function flash(element: HTMLElement): void {
  if (flashing.has(element)) return;
  flashing.add(element);
  element.classList.add(styles.bell ?? '');
  window.setTimeout(() => {
    element.classList.remove(styles.bell ?? '');
    window.setTimeout(() => flashing.delete(element), flashMs);
  }, flashMs);
}
