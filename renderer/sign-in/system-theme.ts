const darkQuery = '(prefers-color-scheme: dark)';

/** Settings are the host's, and nobody is signed in yet: the page looks as the system does. */
export function followSystemTheme(): void {
  const query = matchMedia(darkQuery);
  const apply = () => {
    document.documentElement.dataset['theme'] = query.matches ? 'dark' : 'light';
  };
  query.addEventListener('change', apply);
  apply();
}
