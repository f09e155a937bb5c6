import { marked } from 'marked';

/** A block beyond this is shown as plain text: parsing it at each commit would cost more than it is worth. */
const maxBlockCharacters = 64 * 1024;
const maxBlockLines = 2_000;
/** A text with footnotes is one block when it is short enough, since its notes stand apart from their marks. */
const maxWholeCharacters = 64 * 1024;

export type Block =
  | { readonly kind: 'markdown'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'plain'; readonly text: string };

/**
 * Splits a growing markdown text into top-level blocks. Blocks that more text cannot change any more are kept as
 * they are; only the rest, from the last open block on, is looked at again. So an answer costs the same per token
 * however long it already is. A rest that gets too long for that is shown as plain text until the answer is done.
 */
export class BlockSplitter {
  private text = '';
  private closed: Block[] = [];
  /** Where the open rest begins. */
  private openFrom = 0;
  private gaveUp = false;

  /** The blocks of `text`, which is usually what was given last with more behind it. */
  split(raw: string): readonly Block[] {
    const text = withLineFeeds(raw);
    if (!text.startsWith(this.text)) this.reset();
    this.text = text;
    const rest = text.slice(this.openFrom);
    if (this.gaveUp) return [...this.closed, { kind: 'plain', text: rest }];
    const code = openCode(rest);
    const open = code ? [code] : this.closeWhatIsDone(rest);
    return [...this.closed, ...open];
  }

  /** Moves the blocks that are done to `closed`; returns the open ones. */
  private closeWhatIsDone(rest: string): Block[] {
    const tokens = lex(rest);
    // What follows may still belong to the last block: a lazy line, the next item after a blank line, a table row.
    let lastOpen = tokens.length - 1;
    while (lastOpen > 0 && tokens[lastOpen]?.type === 'space') lastOpen -= 1;
    const open: Block[] = [];
    tokens.forEach((token, index) => {
      const block = toBlock(token);
      if (index < lastOpen) {
        this.openFrom += token.raw.length;
        if (block) this.closed.push(block);
      } else if (block) open.push(block);
    });
    this.gaveUp = isTooLong(this.text.slice(this.openFrom)) && !openCode(this.text.slice(this.openFrom));
    return open;
  }

  private reset(): void {
    this.text = '';
    this.closed = [];
    this.openFrom = 0;
    this.gaveUp = false;
  }
}

/**
 * The blocks of a text that will not grow. Unlike while it grows, definitions of links reach the blocks that
 * refer to them, and footnotes their marks.
 */
export function splitFinished(raw: string): readonly Block[] {
  const text = withLineFeeds(raw);
  if (/^ {0,3}\[\^[^\]]+\]:/m.test(text) && text.length <= maxWholeCharacters)
    return [{ kind: 'markdown', text }];
  const tokens = lex(text);
  const definitions = tokens
    .filter((token) => token.type === 'def')
    .map((token) => token.raw.trim())
    .join('\n');
  return tokens.flatMap((token): Block[] => {
    const block = toBlock(token);
    if (!block) return [];
    if (block.kind !== 'markdown' || definitions === '' || !block.text.includes(']')) return [block];
    return [{ kind: 'markdown', text: `${block.text}\n\n${definitions}` }];
  });
}

/** A fence that is not yet closed needs no parser: all that comes is code. */
function openCode(rest: string): Block | null {
  const start = /^(`{3,}|~{3,})[ \t]*([^\n`]*)\n/.exec(rest);
  if (!start?.[1]) return null;
  const fence = start[1];
  const body = rest.slice(start[0].length);
  const closing = new RegExp(`(^|\\n) {0,3}${fence[0] ?? ''}{${fence.length},}[ \\t]*(\\n|$)`);
  return closing.test(body) ? null : codeBlock(body, start[2]);
}

interface Token {
  readonly type: string;
  readonly raw: string;
  readonly text?: string;
  readonly lang?: string;
  readonly codeBlockStyle?: string;
}

function lex(text: string): Token[] {
  return marked.lexer(text);
}

function toBlock(token: Token): Block | null {
  if (token.type === 'space' || token.type === 'def') return null;
  if (token.type === 'code' && token.codeBlockStyle !== 'indented') {
    return codeBlock(token.text ?? '', token.lang);
  }
  return isTooLong(token.raw) ? { kind: 'plain', text: token.raw } : { kind: 'markdown', text: token.raw };
}

function codeBlock(text: string, info: string | undefined): Block {
  return {
    kind: 'code',
    text: text.replace(/\n+$/, ''),
    language: (info ?? '').trim().split(/\s+/)[0] ?? '',
  };
}

function withLineFeeds(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

function isTooLong(text: string): boolean {
  if (text.length > maxBlockCharacters) return true;
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    lines += 1;
    if (lines > maxBlockLines) return true;
  }
  return false;
}
