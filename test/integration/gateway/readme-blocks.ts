import { z } from 'zod';

/** How a block of docker/README.md is used: the words behind its opening fence. */
const KINDS = {
  'bash setup': 'setup',
  'bash run': 'bash',
  'python run': 'python',
  'typescript run': 'typescript',
  'json answer': 'answer',
} as const;

export type BlockKind = (typeof KINDS)[keyof typeof KINDS];

export interface Block {
  /** Undefined: shown only. */
  readonly kind: BlockKind | undefined;
  /** As it stands behind the fence. */
  readonly info: string;
  readonly text: string;
  /** Where it begins in the file. */
  readonly line: number;
}

/** The fenced blocks of a Markdown file, in order. */
export function readBlocks(markdown: string): Block[] {
  const kinds = new Map<string, BlockKind>(Object.entries(KINDS));
  const blocks: Block[] = [];
  let open: { info: string; line: number; text: string[] } | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (open === undefined) {
      if (text.startsWith('```')) open = { info: text.slice(3).trim(), line: index + 1, text: [] };
    } else if (text === '```') {
      const { info, line } = open;
      blocks.push({ kind: kinds.get(info), info, text: open.text.join('\n'), line });
      open = undefined;
    } else {
      open.text.push(text);
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.line} is not closed`);
  return blocks;
}

const record = z.record(z.string(), z.unknown());

/**
 * Where an answer has other fields, or values of another kind, than the shown one; empty when they agree. What
 * is null in one of them may be anything in the other.
 */
export function differences(shown: unknown, answered: unknown, at = 'the answer'): string[] {
  if (shown === null || answered === null) return [];
  if (Array.isArray(shown) || Array.isArray(answered)) {
    if (!Array.isArray(shown) || !Array.isArray(answered)) return [`${at}: only one is a list`];
    return shown.length === 0 || answered.length === 0 ? [] : differences(shown[0], answered[0], `${at}[0]`);
  }
  if (typeof shown !== typeof answered) return [`${at}: ${typeof shown} is shown, ${typeof answered} came`];
  if (typeof shown !== 'object') return [];
  const left = record.parse(shown);
  const right = record.parse(answered);
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((name) => {
    if (!(name in right)) return [`${at}.${name} is shown and did not come`];
    if (!(name in left)) return [`${at}.${name} came and is not shown`];
    return differences(left[name], right[name], `${at}.${name}`);
  });
}

/** The JSON values at the end of a text, as many as are wanted: one that fills it, or one on each line. */
export function readAnswers(text: string): unknown[] {
  const whole = text.trim();
  try {
    return [JSON.parse(whole)];
  } catch {
    return whole.split('\n').map((line): unknown => JSON.parse(line));
  }
}
