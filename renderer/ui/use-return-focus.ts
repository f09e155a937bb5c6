import { useInsertionEffect, useRef } from 'react';

/**
 * A handler for `onCloseAutoFocus` that gives the focus back to what had it before the dialog opened. Radix does so
 * only for dialogs with a trigger of their own, and ours are opened by shortcuts and commands as well.
 */
export function useReturnFocus(open: boolean): (event: Event) => void {
  const before = useRef<HTMLElement | null>(null);
  // An insertion effect, since a field with `autoFocus` in the dialog takes the focus before the other effects.
  useInsertionEffect(() => {
    if (open) before.current = behindMenus(document.activeElement);
  }, [open]);
  return (event) => {
    event.preventDefault();
    before.current?.focus({ preventScroll: true });
  };
}

/** A menu's item goes with its menu, so it stands for the button that opened the menu. */
function behindMenus(focused: Element | null): HTMLElement | null {
  const menu = focused?.closest('[role="menu"]');
  if (menu) return behindMenus(document.getElementById(menu.getAttribute('aria-labelledby') ?? ''));
  return focused instanceof HTMLElement ? focused : null;
}
