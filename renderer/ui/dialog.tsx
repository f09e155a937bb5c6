import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import { IconButton } from './icon-button';
import { useReturnFocus } from './use-return-focus';
import styles from './dialog.module.css';

export interface DialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly width?: 'small' | 'medium' | 'large';
  /** Buttons, the main one last. */
  readonly footer?: ReactNode;
  readonly children?: ReactNode;
}

/** A modal dialog: traps the focus, closes with Escape, gives the focus back. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  width = 'medium',
  footer,
  children,
}: DialogProps) {
  const returnFocus = useReturnFocus(open);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={styles.overlay} />
        <Radix.Content
          className={classNames(styles.content, styles[width])}
          {...(description ? {} : { 'aria-describedby': undefined })}
          onOpenAutoFocus={focusContentFirst}
          onCloseAutoFocus={returnFocus}
        >
          <header className={styles.header}>
            <Radix.Title className={styles.title}>{title}</Radix.Title>
          </header>
          <div className={styles.body}>
            {description && (
              <Radix.Description className={styles.description}>{description}</Radix.Description>
            )}
            {children}
          </div>
          {footer && <footer className={styles.footer}>{footer}</footer>}
          {/* Last, so that the first focus goes to what the dialog is about. */}
          <Radix.Close asChild>
            <IconButton className={styles.close} label="Close" icon={<X />} size="small" />
          </Radix.Close>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const focusable = 'a[href], button:not([disabled]), input, select, textarea, summary, [tabindex="0"]';

/** In a dialog that is only read, the focus starts on the text rather than on Close and its tooltip. */
function focusContentFirst(event: Event): void {
  const content = event.currentTarget;
  if (!(content instanceof HTMLElement) || content.querySelectorAll(focusable).length > 1) return;
  event.preventDefault();
  content.focus();
}
