import '../../renderer/styles/tokens.css';
import '../../renderer/styles/base.css';
import { createRoot } from 'react-dom/client';
import { cases } from './cases';
import styles from './gallery.module.css';

/*
 * Every primitive and every view in every state, over a FakeHostClient. For looking only; it does not ship.
 *
 *   npx vite build --config test/gallery/vite.config.mts
 *   node test/gallery/screenshots.mjs /tmp/shots [part of a case's name]
 *
 * or `npx vite preview --config test/gallery/vite.config.mts` and open `?case=NAME&theme=dark`.
 *
 * To add a case: append a `GalleryCase` to the list in `cases.tsx`, or to a file of your own (`cases-chat.tsx`)
 * that it joins in. `withHost(host, element)` of `support.tsx` gives a view everything it finds in the app.
 */

const query = new URLSearchParams(location.search);
document.documentElement.dataset['theme'] = query.get('theme') === 'dark' ? 'dark' : 'light';
const wanted = query.get('case');
const shown = cases.find((candidate) => candidate.name === wanted);

function CaseList() {
  return (
    <ul className={styles.list}>
      {cases.map(({ name }) => (
        <li key={name}>
          <a href={`?case=${encodeURIComponent(name)}`}>{name}</a>{' '}
          <a href={`?case=${encodeURIComponent(name)}&theme=dark`}>dark</a>
        </li>
      ))}
    </ul>
  );
}

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element #root.');
createRoot(root).render(shown ? shown.render() : <CaseList />);
