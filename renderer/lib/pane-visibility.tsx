import { createContext, useContext } from 'react';

const VisibleContext = createContext(true);

export const PaneVisibilityProvider = VisibleContext.Provider;

/**
 * Whether the pane this component stands in can be seen. Panes stay mounted when they are hidden, covered by a
 * maximised one or behind a tab, so that drafts and scroll positions survive; what costs something (streams at
 * 1 Hz, canvases) stops on false. True outside of the app's layout.
 */
export function usePaneVisible(): boolean {
  return useContext(VisibleContext);
}
