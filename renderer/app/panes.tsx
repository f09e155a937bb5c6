import { Activity, Box, MessageSquare, SquareTerminal } from 'lucide-react';
import { lazy, type ReactNode } from 'react';
import { SetupView } from '../features/setup';
import { PanelHeader } from '../ui';
import type { PaneId } from './layout-store';
import styles from './panes.module.css';

// Each feature is a chunk of its own, so that the window draws before xterm, markdown and charts are parsed.
const TerminalPane = lazy(() =>
  import('../features/terminal').then((module) => ({ default: module.TerminalPane })),
);
const ChatPane = lazy(() => import('../features/chat').then((module) => ({ default: module.ChatPane })));
const DashboardPane = lazy(() =>
  import('../features/dashboard').then((module) => ({ default: module.DashboardPane })),
);

export interface PaneDefinition {
  readonly title: string;
  readonly icon: ReactNode;
  readonly shortcut: string;
  readonly content: ReactNode;
}

export const panes: Readonly<Record<PaneId, PaneDefinition>> = {
  terminal: { title: 'Terminal', icon: <SquareTerminal />, shortcut: 'Ctrl+1', content: <TerminalPane /> },
  chat: { title: 'Chat', icon: <MessageSquare />, shortcut: 'Ctrl+2', content: <ChatPane /> },
  dashboard: { title: 'Dashboard', icon: <Activity />, shortcut: 'Ctrl+3', content: <DashboardPane /> },
  sandbox: {
    title: 'Sandbox',
    icon: <Box />,
    shortcut: 'Ctrl+4',
    content: (
      <div className={styles.sandbox}>
        <PanelHeader title="Sandbox" icon={<Box />} pane />
        <SetupView />
      </div>
    ),
  },
};
