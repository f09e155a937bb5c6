import { Fragment } from 'react';
import { CopyButton } from '../../ui';
import styles from './setup.module.css';

export interface CopyablePathProps {
  /** A path or an address. */
  readonly text: string;
  readonly label: string;
}

/** Something long with a button that copies it; where it has to wrap, it does so behind a slash. */
export function CopyablePath({ text, label }: CopyablePathProps) {
  const parts = text.split(/(?<=\/)(?!\/)/);
  return (
    <span className={styles.path}>
      <span>
        {parts.map((part, index) => (
          <Fragment key={index}>
            {index > 0 && <wbr />}
            {part}
          </Fragment>
        ))}
      </span>
      <CopyButton text={text} label={label} />
    </span>
  );
}
