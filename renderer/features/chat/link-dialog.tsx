import { useState } from 'react';
import { toLmError, type ErrorData } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { Button, CopyableCommand, Dialog, ErrorBanner } from '../../ui';
import { realHost } from './markdown/links';

/** Shows where a link of an answer leads, and opens it only when the person says so. */
export function LinkDialog({ url, onClose }: { readonly url: URL; readonly onClose: () => void }) {
  const host = useHost();
  const [error, setError] = useState<ErrorData | null>(null);
  const open = async () => {
    try {
      await host.call('app.openExternal', { url: url.href });
      onClose();
    } catch (failure) {
      setError(toLmError(failure).data);
    }
  };
  return (
    <Dialog
      open
      onOpenChange={(stays) => {
        if (!stays) onClose();
      }}
      title={`Link to ${realHost(url)}`}
      description={
        url.protocol === 'https:'
          ? 'A model wrote this address. Open it only if you trust it.'
          : 'A model wrote this address. It is not encrypted, so it is not opened from here; you can copy it.'
      }
      width="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          {url.protocol === 'https:' && <Button onClick={() => void open()}>Open in the browser</Button>}
        </>
      }
    >
      <CopyableCommand command={url.href} />
      {error && <ErrorBanner error={error} />}
    </Dialog>
  );
}
