import { createContext, useContext, type ReactNode } from 'react';

const ChromeContext = createContext<ReactNode>(null);

/** Buttons the app's layout adds to a pane (maximise, hide); the pane's own header shows them at its end. */
export const PaneChromeProvider = ChromeContext.Provider;

export function usePaneChrome(): ReactNode {
  return useContext(ChromeContext);
}
