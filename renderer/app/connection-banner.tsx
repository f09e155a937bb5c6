import { isDesktop } from '../client/connect';
import { useConnectionState } from '../client/use-connection-state';
import { Spinner } from '../ui';
import styles from './connection-banner.module.css';

/** Says that nothing typed now arrives. The client reconnects by itself; terminals and answers go on in the host. */
export function ConnectionBanner() {
  const state = useConnectionState();
  if (state !== 'lost') return null;
  return (
    <div className={styles.banner} role="alert">
      <Spinner size={13} />
      <span>
        The connection to the host is lost. Reconnecting… What runs there goes on.
        {!isDesktop &&
          ' If it stays so, look whether lm-sandbox runs there, and the ssh tunnel if you came by one.'}
      </span>
    </div>
  );
}
