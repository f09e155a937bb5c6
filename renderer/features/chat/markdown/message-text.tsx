import { memo, useMemo, useState } from 'react';
import { CodeBlock } from './code-block';
import { MarkdownBlock } from './markdown-block';
import styles from './markdown.module.css';
import { BlockSplitter, splitFinished, type Block } from './split-blocks';

export interface MessageTextProps {
  readonly text: string;
  /** More text may come; only the last block is then parsed again at each commit. */
  readonly growing: boolean;
}

/** The markdown of an answer, block by block. */
export const MessageText = memo(function MessageText({ text, growing }: MessageTextProps) {
  const [splitter] = useState(() => new BlockSplitter());
  const blocks = useMemo(
    () => (growing ? splitter.split(text) : splitFinished(text)),
    [growing, splitter, text],
  );
  return (
    <div className={styles.text}>
      {blocks.map((block, index) => (
        <BlockView
          key={index}
          kind={block.kind}
          text={block.text}
          language={block.kind === 'code' ? block.language : ''}
        />
      ))}
    </div>
  );
});

/** Memoised by content: a closed block is parsed once, however long the answer gets. */
const BlockView = memo(function BlockView({
  kind,
  text,
  language,
}: {
  readonly kind: Block['kind'];
  readonly text: string;
  readonly language: string;
}) {
  if (kind === 'code') return <CodeBlock text={text} language={language} />;
  if (kind === 'plain') return <pre className={styles.plain}>{text}</pre>;
  return <MarkdownBlock text={text} />;
});
