import { useEffect, useState, type RefObject } from 'react';
import { usePaneVisible } from '../../lib/pane-visibility';

/** Whether a person can see the element: scrolled into view, in a visible pane of a visible page. */
export function useOnScreen(element: RefObject<HTMLElement | null>): boolean {
  const paneVisible = usePaneVisible();
  const [inView, setInView] = useState(false);
  const [pageVisible, setPageVisible] = useState(() => !document.hidden);

  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => {
      const newest = entries.at(-1);
      if (newest) setInView(newest.isIntersecting);
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);

  useEffect(() => {
    const update = () => setPageVisible(!document.hidden);
    document.addEventListener('visibilitychange', update);
    return () => document.removeEventListener('visibilitychange', update);
  }, []);

  return paneVisible && inView && pageVisible;
}
