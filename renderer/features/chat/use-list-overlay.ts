import { useEffect, useRef, type KeyboardEvent, type RefObject } from 'react';

export interface ListOverlay {
  /** The button that shows and hides the list. */
  readonly button: RefObject<HTMLButtonElement | null>;
  /** For the pane: Escape anywhere in it closes the list and gives the focus back to the button. */
  readonly onKeyDownCapture: (event: KeyboardEvent<HTMLElement>) => void;
  /** For the list, which thereby knows presses in it from those outside. */
  readonly onPointerDownCapture: () => void;
}

/** Closes the list that lies over a narrow pane by Escape and by a press outside of it, like a menu. */
export function useListOverlay(open: boolean, onClose: () => void): ListOverlay {
  const button = useRef<HTMLButtonElement>(null);
  const latestClose = useRef(onClose);
  useEffect(() => {
    latestClose.current = onClose;
  });
  const pressedInside = useRef(false);

  useEffect(() => {
    if (!open) return;
    const handlePress = (event: PointerEvent) => {
      const inside = pressedInside.current;
      pressedInside.current = false;
      const target = event.target;
      // An open menu of the list leaves every other press to the root element; that press closes the menu alone.
      if (inside || !(target instanceof Node) || !document.body.contains(target)) return;
      // The button closes the list by its own click.
      if (!button.current?.contains(target)) latestClose.current();
    };
    // React's listeners, also those of menus and dialogs of the list, are nearer to the target than the document.
    document.addEventListener('pointerdown', handlePress);
    return () => document.removeEventListener('pointerdown', handlePress);
  }, [open]);

  return {
    button,
    onKeyDownCapture: (event) => {
      if (!open || event.key !== 'Escape' || event.nativeEvent.isComposing) return;
      // A key in a menu or dialog that was opened from here is theirs.
      if (!(event.target instanceof Node) || !event.currentTarget.contains(event.target)) return;
      event.preventDefault();
      // What lies on top closes first; a second Escape then stops the answer.
      event.stopPropagation();
      button.current?.focus();
      onClose();
    },
    onPointerDownCapture: () => {
      pressedInside.current = true;
    },
  };
}
