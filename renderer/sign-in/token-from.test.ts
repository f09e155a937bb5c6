import { expect, it } from 'vitest';
import { tokenFrom } from './token-from';

const token = 'q3Zk0-_aB'.repeat(5);

it.each([
  ['a whole link', `http://127.0.0.1:7410/sign-in#token=${token}`],
  ['a link with blanks around it', `  http://127.0.0.1:7410/sign-in#token=${token}\n`],
  ['the fragment', `#token=${token}`],
  ['the fragment without its sign', `token=${token}`],
  ['the token alone', token],
])('finds the token in %s', (_what, text) => {
  expect(tokenFrom(text)).toBe(token);
});

it.each(['', 'hello', 'http://127.0.0.1:7410/sign-in', 'http://127.0.0.1:7410/#token=', `${token} ${token}`])(
  'finds none in “%s”',
  (text) => {
    expect(tokenFrom(text)).toBeNull();
  },
);
