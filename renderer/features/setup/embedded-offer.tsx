import { Laptop } from 'lucide-react';
import { Button, ErrorBanner } from '../../ui';
import { useEmbeddedActions, useEmbeddedActionState } from './embedded-actions';
import styles from './setup.module.css';

/** The way to a shell without an engine, in the words of what one gets. */
export function EmbeddedOffer({ prominent }: { readonly prominent: boolean }) {
  const { choose, dismissError } = useEmbeddedActions();
  const { pending, error } = useEmbeddedActionState();
  return (
    <section className={styles.section} aria-label="Without an engine">
      <div className={styles.sectionHead}>
        <h2 className={styles.sectionTitle}>Or without an engine: Embedded</h2>
        <Button
          variant={prominent ? 'primary' : undefined}
          icon={<Laptop size={14} />}
          busy={pending === 'place'}
          onClick={() => void choose()}
        >
          Use Embedded
        </Button>
      </div>
      <p className={styles.prose}>
        A shell on this computer, shut in by bubblewrap: it sees the programs that are installed here, and a
        home and a workspace of its own, but none of your files. Nothing is downloaded or built. Programs
        inside get no GPU. You can change to a container at any time.
      </p>
      {error && <ErrorBanner error={error} onDismiss={dismissError} />}
    </section>
  );
}
