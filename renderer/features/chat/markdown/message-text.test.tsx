import { render } from '@testing-library/react';
import { marked } from 'marked';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hostileAnswers } from './hostile-answers';
import { LinkRequestContext } from './link-request';
import { MessageText } from './message-text';

const loading = new Set(
  'script style img iframe object embed link meta base form video audio source svg math template noscript'.split(
    ' ',
  ),
);
/** The icons of our own buttons and links are drawn as SVG; nothing of an answer is. */
const isIcon = (element: Element) => element.closest('svg.lucide') !== null;
const allowedAttributes = new Set([
  'class',
  'href',
  'rel',
  'tabindex',
  'aria-label',
  'type',
  'disabled',
  'checked',
  'readonly',
  'start',
  'style',
  'dir',
  'id',
  'data-state',
  'role',
  'data-footnotes',
  'data-footnote-ref',
  'data-footnote-backref',
  'aria-describedby',
]);

describe('a hostile answer', () => {
  const fetched: string[] = [];
  beforeEach(() => {
    vi.stubGlobal('fetch', (input: unknown) => {
      fetched.push(String(input));
      return Promise.reject(new Error('refused'));
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    Reflect.deleteProperty(globalThis, 'hacked');
    fetched.length = 0;
  });

  it.each(hostileAnswers.flatMap((answer) => [[answer, false] as const, [answer, true] as const]))(
    'loads nothing, runs nothing and has no dead-end address: %j (growing: %s)',
    (answer, growing) => {
      const { container } = render(<MessageText text={answer} growing={growing} />);
      const addresses = [...container.querySelectorAll('a')].map((link) => link.getAttribute('href') ?? '');
      const elements = [...container.querySelectorAll('*')].filter((element) => !isIcon(element));
      const attributes = elements.flatMap((element) =>
        element.getAttributeNames().filter((name) => !allowedAttributes.has(name)),
      );
      expect({
        loading: elements
          .filter((element) => loading.has(element.tagName.toLowerCase()))
          .map((element) => element.outerHTML),
        addresses: addresses.filter((address) => !/^(https?:\/\/|mailto:)/.test(address)),
        attributes,
        fetched,
        hacked: 'hacked' in globalThis,
      }).toEqual({ loading: [], addresses: [], attributes: [], fetched: [], hacked: false });
    },
  );

  it('does harm when markdown is shown without care, so the list above proves something', () => {
    const harmful = hostileAnswers.filter((answer) => {
      const careless = document.createElement('div');
      careless.innerHTML = marked.parse(answer, { async: false });
      const elements = [...careless.querySelectorAll('*')];
      return elements.some(
        (element) =>
          loading.has(element.tagName.toLowerCase()) ||
          /^\W*javascript:/i.test(element.getAttribute('href') ?? ''),
      );
    });
    expect(new Set(hostileAnswers).size).toBeGreaterThanOrEqual(40);
    expect(harmful.length).toBeGreaterThanOrEqual(20);
  });
});

describe('a link of an answer', () => {
  const follow = (markdown: string): { readonly shown: string; readonly asked: string | null } => {
    const asked = vi.fn<(url: URL) => void>();
    const { container } = render(
      <LinkRequestContext.Provider value={asked}>
        <MessageText text={markdown} growing={false} />
      </LinkRequestContext.Provider>,
    );
    const link = container.querySelector('a');
    link?.click();
    return { shown: container.textContent ?? '', asked: asked.mock.calls[0]?.[0].href ?? null };
  };

  it.each([
    ['[https://bank.example](https://evil.example/login)', 'evil.example'],
    ['[bank](https://bank.example@evil.example/)', 'bank.example@evil.example'],
    ['[x](https://раypal.example/)', 'xn--'],
    ['![chart](https://evil.example/x.png)', 'evil.example'],
    ['[mail](mailto:a@example.org)', 'a@example.org'],
  ])('shows where %s really leads, and asks before anything happens', (markdown, host) => {
    const { shown, asked } = follow(markdown);
    expect(shown).toContain(host);
    expect(asked).not.toBeNull();
  });

  it('that leads nowhere allowed is text', () => {
    expect(follow('[click](javascript:alert(1))')).toEqual({ shown: 'click', asked: null });
  });
});

describe('the text of an answer', () => {
  it('is the same when it grew piece by piece as when it is shown at once', () => {
    const text = [
      '# Title',
      'A paragraph with **bold**, `code` and a [link](https://example.org).',
      '- one\n- two\n\n  more of two\n- three',
      '| a | b |\n|---|---|\n| 1 | 2 |',
      '```python\nprint("hi")\n\n\nprint("there")\n```',
      '> quote\n> more',
      '1. x\n2. y',
      'last',
    ].join('\n\n');
    const grown = render(<MessageText text="" growing />);
    for (let end = 1; end <= text.length; end += 3)
      grown.rerender(<MessageText text={text.slice(0, end)} growing />);
    grown.rerender(<MessageText text={text} growing />);
    const grownHtml = grown.container.innerHTML;
    grown.unmount();
    const whole = render(<MessageText text={text} growing={false} />);
    expect(grownHtml).toBe(whole.container.innerHTML);
    expect(whole.container.querySelectorAll('h1, ul, table, pre, blockquote, ol')).toHaveLength(6);
  });

  it('resolves links that are defined further down once it is complete', () => {
    const { container } = render(
      <MessageText text={'See [the docs][d].\n\nMore.\n\n[d]: https://docs.example/'} growing={false} />,
    );
    expect(container.querySelector('a')?.getAttribute('href')).toBe('https://docs.example/');
  });

  it('keeps the elements of closed blocks while it grows', () => {
    const view = render(<MessageText text={'First **block**.\n\nSecond'} growing />);
    const first = view.container.querySelector('p');
    view.rerender(<MessageText text={'First **block**.\n\nSecond block\n\nThird'} growing />);
    expect(view.container.querySelector('p')).toBe(first);
  });
});
