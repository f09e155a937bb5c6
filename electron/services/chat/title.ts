const maxTitleLength = 60;
/** By what people take for one character, so that no emoji is cut into its parts. */
const segmenter = new Intl.Segmenter();

/** A title from the first question: its first line with words, cut at a word; null when there are no words. */
export function titleFromQuestion(question: string): string | null {
  const line = question
    .split('\n')
    .map((text) =>
      text
        .replace(/^[\s#>*`-]+/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .find((text) => text !== '');
  if (line === undefined) return null;
  const characters = Array.from(segmenter.segment(line), ({ segment }) => segment);
  if (characters.length <= maxTitleLength) return line;
  const start = characters.slice(0, maxTitleLength - 1).join('');
  const lastSpace = start.lastIndexOf(' ');
  return `${lastSpace > maxTitleLength / 2 ? start.slice(0, lastSpace) : start}…`;
}
