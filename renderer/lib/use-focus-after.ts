import { useEffect, useRef, type RefObject } from 'react';

/**
 * Gives `target` the focus when `replaced` turns true and what had the focus went with it: the keyboard would begin at
 * the top of the page again. Whoever is elsewhere meanwhile stays there.
 */
export function useFocusAfter(replaced: boolean, target: RefObject<HTMLElement | null>): void {
  const before = useRef(replaced);
  useEffect(() => {
    const turned = replaced && !before.current;
    before.current = replaced;
    if (turned && document.activeElement === document.body) target.current?.focus({ preventScroll: true });
  }, [replaced, target]);
}
