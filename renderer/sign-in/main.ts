import '../styles/tokens.css';
import '../styles/base.css';
import './sign-in.css';
import {
  doorKeyStorageName,
  doorPaths,
  doorSignedOutFragment,
  doorTokenParameter,
} from '../../electron/contract/door-paths';
import { tokenFrom } from './token-from';
import { followSystemTheme } from './system-theme';

const state = element('state', HTMLParagraphElement);
const form = element('form', HTMLFormElement);
const input = element('link', HTMLInputElement);
const problem = element('problem', HTMLParagraphElement);
const button = form.querySelector('button');

const noServer = 'The host does not answer. Is it running, and the tunnel to it?';

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`sign-in.html has no #${id}.`);
}

function showForm(why: string): void {
  state.textContent = why;
  form.hidden = false;
  input.focus();
}

function showProblem(text: string | null): void {
  problem.hidden = text === null;
  problem.textContent = text;
}

/** What went wrong, in words; null when this browser is in. */
async function signIn(token: string): Promise<string | null> {
  let answer: Response;
  try {
    answer = await fetch(doorPaths.session, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ [doorTokenParameter]: token }),
    });
  } catch {
    return noServer;
  }
  if (answer.status === 429) {
    return `Too many wrong tokens. Try again in ${answer.headers.get('Retry-After') ?? '60'} seconds.`;
  }
  if (answer.status !== 201) return (await answer.text()).trim() || 'This link is not accepted.';
  const body: unknown = await answer.json();
  const key = typeof body === 'object' && body !== null && 'key' in body ? body.key : null;
  if (typeof key !== 'string') return 'The host answered with something else than a key.';
  try {
    localStorage.setItem(doorKeyStorageName, key);
  } catch {
    return 'This browser forbids pages to keep anything. Allow it for this address.';
  }
  return null;
}

async function isSignedIn(): Promise<boolean> {
  if (localStorage.getItem(doorKeyStorageName) === null) return false;
  return fetch(doorPaths.session, { cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function begin(): Promise<void> {
  const fragment = window.location.hash.slice(1);
  // Out of the address bar and the history before anything else.
  window.history.replaceState(null, '', window.location.pathname);
  const token = fragment.startsWith(`${doorTokenParameter}=`) ? tokenFrom(`#${fragment}`) : null;
  if (token !== null) {
    const wrong = await signIn(token);
    if (wrong === null) {
      window.location.replace(doorPaths.app);
      return;
    }
    showProblem(wrong);
  } else if (fragment === doorSignedOutFragment) {
    localStorage.removeItem(doorKeyStorageName);
    showForm('This browser was signed out. What runs in the sandbox goes on.');
    return;
  } else if (await isSignedIn()) {
    window.location.replace(doorPaths.app);
    return;
  }
  showForm('This page leads to the sandbox of a computer. To come in, paste a one-time link.');
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const token = tokenFrom(input.value);
  if (token === null) {
    showProblem('There is no token in this. Paste the whole link.');
    return;
  }
  showProblem(null);
  if (button) button.disabled = true;
  void signIn(token).then((wrong) => {
    if (button) button.disabled = false;
    showProblem(wrong);
    if (wrong === null) window.location.replace(doorPaths.app);
    else input.select();
  });
});
// Another link opened in the same tab changes the fragment alone.
window.addEventListener('hashchange', () => {
  if (window.location.hash !== '') void begin();
});

followSystemTheme();
void begin();
