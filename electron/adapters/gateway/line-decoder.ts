import { LmError } from '../../contract';

/** Longest line a runtime may send; anything longer is a broken or hostile stream. */
const maxLineCharacters = 16 * 1024 * 1024;

export interface LineDecoder {
  /** Lines completed by these bytes, without their line ends. */
  push(bytes: Uint8Array): string[];
  /** The unfinished last line, if there is one. */
  end(): string[];
}

/**
 * Bytes to lines, whatever the pieces: a piece may end inside a UTF-8 character, and between the two characters
 * of a CR LF. Ends of line are LF, CR LF and CR alone, as server-sent events have them.
 */
export function createLineDecoder(): LineDecoder {
  const decoder = new TextDecoder('utf-8');
  let open = '';
  let skipLineFeed = false;

  const take = (text: string): string[] => {
    const lines: string[] = [];
    let start = 0;
    if (skipLineFeed && text.length > 0) {
      if (text[0] === '\n') start = 1;
      skipLineFeed = false;
    }
    for (let index = start; index < text.length; index += 1) {
      const character = text[index];
      if (character !== '\n' && character !== '\r') continue;
      lines.push(open + text.slice(start, index));
      open = '';
      if (character === '\r') {
        if (index + 1 === text.length) skipLineFeed = true;
        else if (text[index + 1] === '\n') index += 1;
      }
      start = index + 1;
    }
    open += text.slice(start);
    if (open.length > maxLineCharacters) {
      throw new LmError(
        'generation_failed',
        'The model server sent a line of more than 16 million characters.',
      );
    }
    return lines;
  };

  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => {
      const lines = take(decoder.decode());
      if (open !== '') lines.push(open);
      open = '';
      return lines;
    },
  };
}
