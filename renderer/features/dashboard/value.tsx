import { missingText } from '../../lib/format';
import { Tooltip } from '../../ui';
import styles from './gpu-section.module.css';

/** A name with its value; a missing one is a dash that tells on hover or focus what the source said instead. */
export function Value({
  name,
  text,
  missing,
}: {
  readonly name: string;
  readonly text: string | null;
  readonly missing: string | null;
}) {
  const reason = `Not reported: nvidia-smi says ${missing ?? 'nothing about it'}`;
  return (
    <div className={styles.value}>
      <dt>{name}</dt>
      <dd>
        {text ?? (
          <Tooltip text={reason}>
            <span className={styles.missing} tabIndex={0} role="note" aria-label={reason}>
              {missingText}
            </span>
          </Tooltip>
        )}
      </dd>
    </div>
  );
}
