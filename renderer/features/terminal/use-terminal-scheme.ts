import { useEffect, useState } from 'react';
import type { Settings } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { readScheme, type TerminalScheme } from './terminal-themes';

/** The colours in force, following the app's theme; the host is told, since it answers programs that ask. */
export function useTerminalScheme(name: Settings['terminalTheme'], host: HostClient): TerminalScheme {
  const [scheme, setScheme] = useState(() => readScheme(name));

  useEffect(() => {
    const update = () => setScheme(readScheme(name));
    update();
    const observer = new MutationObserver((records) => {
      if (records.some((record) => record.oldValue !== document.documentElement.dataset['theme'])) update();
    });
    observer.observe(document.documentElement, {
      attributes: true,
      attributeFilter: ['data-theme'],
      attributeOldValue: true,
    });
    return () => observer.disconnect();
  }, [name]);

  useEffect(() => {
    const { foreground, background, cursor, palette } = scheme;
    const tell = () => {
      // A host that is not there now is told on the next connection.
      host
        .call('terminal.setColors', { foreground, background, cursor, palette: [...palette] })
        .catch(() => undefined);
    };
    if (host.connectionState === 'connected') tell();
    return host.onConnectionChanged((state) => {
      if (state === 'connected') tell();
    });
  }, [host, scheme]);

  return scheme;
}
