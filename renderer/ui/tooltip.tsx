import { Tooltip as Radix } from 'radix-ui';
import { createContext, useContext, type ReactNode } from 'react';
import { KeyHint } from './key-hint';
import styles from './tooltip.module.css';

const delayMs = 500;
const GroupContext = createContext(false);

/** Lets the tooltips below it open without delay once one of them was open. The app shell has one. */
export function TooltipGroup({ children }: { readonly children: ReactNode }) {
  return (
    <GroupContext.Provider value={true}>
      <Radix.Provider delayDuration={delayMs}>{children}</Radix.Provider>
    </GroupContext.Provider>
  );
}

export interface TooltipProps {
  readonly text: ReactNode;
  /** A shortcut such as `Ctrl+Shift+P`, shown beside the text. */
  readonly shortcut?: string;
  readonly side?: 'top' | 'right' | 'bottom' | 'left';
  /** One element that takes a ref and can be focused. */
  readonly children: ReactNode;
}

export function Tooltip({ text, shortcut, side = 'bottom', children }: TooltipProps) {
  const grouped = useContext(GroupContext);
  const tooltip = (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className={styles.tooltip} side={side} sideOffset={6} collisionPadding={8}>
          <span>{text}</span>
          {shortcut && <KeyHint keys={shortcut} />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
  return grouped ? tooltip : <Radix.Provider delayDuration={delayMs}>{tooltip}</Radix.Provider>;
}
