import { useId, type ReactNode } from 'react';
import styles from './section.module.css';

/** One part of the dashboard under its heading. */
export function Section({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) {
  const titleId = useId();
  return (
    <section className={styles.section} aria-labelledby={titleId}>
      <div className={styles.heading}>
        <h3 className={styles.title} id={titleId}>
          {title}
        </h3>
        {aside}
      </div>
      {children}
    </section>
  );
}
