import { useInsertionEffect, useRef } from 'react';

/**
 * A handler for `onCloseAutoFocus` that gives the focus back to what had it before the dialog opened. Radix does so
 * only for dialogs with a trigger of their own, and ours are opened by shortcuts and commands as well.
 */
export function useReturnFocus(open: boolean): (event: Event) => void {
  const before = useRef<HTMLElement | null>(null);
  // An insertion effect, since a field with `autoFocus` in the dialog takes the focus before the other effects.
  useInsertionEffect(() => {
    if (open) before.current = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  }, [open]);
  return (event) => {
    event.preventDefault();
    before.current?.focus({ preventScroll: true });
  };
}
