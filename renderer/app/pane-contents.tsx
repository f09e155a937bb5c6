import { Box } from 'lucide-react';
import { lazy, type ReactNode } from 'react';
import { SetupView } from '../features/setup';
import { PanelHeader } from '../ui';
import type { PaneId } from './layout-store';
import styles from './pane-contents.module.css';

// Each feature is a chunk of its own, so that the window draws before xterm, markdown and charts are parsed.
const loadTerminal = () =>
  import('../features/terminal').then((module) => ({ default: module.TerminalPane }));
const loadChat = () => import('../features/chat').then((module) => ({ default: module.ChatPane }));
const loadDashboard = () =>
  import('../features/dashboard').then((module) => ({ default: module.DashboardPane }));

const TerminalPane = lazy(loadTerminal);
const ChatPane = lazy(loadChat);
const DashboardPane = lazy(loadDashboard);

/** Fetches the chunks while the host is still being asked how things are. A failed one is fetched again later. */
export function preloadPanes(): void {
  for (const load of [loadTerminal, loadChat, loadDashboard]) load().catch(() => undefined);
}

export type PaneContents = Readonly<Record<PaneId, ReactNode>>;

/** The panes of the app. Given to `App` from outside, so that its tests can have simpler ones. */
export const paneContents: PaneContents = {
  terminal: <TerminalPane />,
  chat: <ChatPane />,
  dashboard: <DashboardPane />,
  sandbox: (
    <div className={styles.sandbox}>
      <PanelHeader title="Sandbox" icon={<Box />} pane />
      <SetupView />
    </div>
  ),
};
