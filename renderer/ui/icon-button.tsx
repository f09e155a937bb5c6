import type { ComponentPropsWithRef, MouseEvent, ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import { Spinner } from './spinner';
import { Tooltip } from './tooltip';
import styles from './icon-button.module.css';

export interface IconButtonProps extends Omit<ComponentPropsWithRef<'button'>, 'aria-label' | 'children'> {
  /** The button's name, also its tooltip. */
  readonly label: string;
  readonly icon: ReactNode;
  readonly shortcut?: string;
  readonly size?: 'small' | 'medium';
  readonly tone?: 'neutral' | 'danger';
  /** For toggles: shown as pressed and announced so. */
  readonly pressed?: boolean;
  readonly busy?: boolean;
  readonly tooltipSide?: 'top' | 'right' | 'bottom' | 'left';
}

/** A button that shows only an icon. Also fits as the trigger of a Menu. */
export function IconButton({
  label,
  icon,
  shortcut,
  size = 'medium',
  tone = 'neutral',
  pressed,
  busy = false,
  tooltipSide,
  className,
  onClick,
  type = 'button',
  ...rest
}: IconButtonProps) {
  const handleClick = (event: MouseEvent<HTMLButtonElement>) => {
    if (busy) event.preventDefault();
    else onClick?.(event);
  };
  return (
    <Tooltip text={label} shortcut={shortcut} side={tooltipSide}>
      <button
        {...rest}
        type={type}
        aria-label={label}
        aria-pressed={pressed}
        aria-busy={busy || undefined}
        className={classNames(styles.button, styles[size], tone === 'danger' && styles.danger, className)}
        onClick={handleClick}
      >
        {busy ? <Spinner size={14} /> : icon}
      </button>
    </Tooltip>
  );
}
