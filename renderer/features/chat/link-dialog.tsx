import { Button, CopyableCommand, Dialog } from '../../ui';
import { realHost } from './markdown/links';

/** Shows where a link of an answer leads; the address can be copied, nothing is opened by itself. */
export function LinkDialog({ url, onClose }: { readonly url: URL | null; readonly onClose: () => void }) {
  return (
    <Dialog
      open={url !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={url ? `Link to ${realHost(url)}` : 'Link'}
      description="A model wrote this address. If you trust it, copy it and open it in your browser."
      width="small"
      footer={<Button onClick={onClose}>Close</Button>}
    >
      {url && <CopyableCommand command={url.href} />}
    </Dialog>
  );
}
