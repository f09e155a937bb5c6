import { Activity, Box, MessageSquare, SquareTerminal } from 'lucide-react';
import type { ReactNode } from 'react';
import type { PaneId } from './layout-store';

export interface PaneTitle {
  readonly title: string;
  readonly icon: ReactNode;
  readonly shortcut: string;
}

export const paneTitles: Readonly<Record<PaneId, PaneTitle>> = {
  terminal: { title: 'Terminal', icon: <SquareTerminal />, shortcut: 'Ctrl+1' },
  chat: { title: 'Chat', icon: <MessageSquare />, shortcut: 'Ctrl+2' },
  dashboard: { title: 'Dashboard', icon: <Activity />, shortcut: 'Ctrl+3' },
  sandbox: { title: 'Sandbox', icon: <Box />, shortcut: 'Ctrl+4' },
};
