import { ExternalLink, ImageOff } from 'lucide-react';
import { createContext, memo, useContext, type ComponentPropsWithoutRef } from 'react';
import Markdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { realHost, safeUrl } from './links';
import { LinkRequestContext } from './link-request';
import styles from './markdown.module.css';

/** One block of an answer. Raw HTML in it is text; nothing in it loads anything. */
export const MarkdownBlock = memo(function MarkdownBlock({ text }: { readonly text: string }) {
  return (
    <Markdown remarkPlugins={plugins} components={components} urlTransform={keepSafe}>
      {text}
    </Markdown>
  );
});

// Constants: new arrays and objects at each render would make the parser run again.
const plugins = [remarkGfm];
const components: Components = { a: AnswerLink, img: AnswerImage, table: AnswerTable, input: TaskMark };

/** A link cannot lie in a link, so an image in one names its address only. */
const InsideLinkContext = createContext(false);

function keepSafe(url: string): string {
  // Marks of footnotes lead nowhere, since their targets would be ids that an answer chooses.
  return safeUrl(url)?.href ?? '';
}

/** A link that shows where it really leads; following it asks first. */
function AnswerLink({ href, children }: ComponentPropsWithoutRef<'a'>) {
  const onRequest = useContext(LinkRequestContext);
  const url = safeUrl(href);
  if (!url) return <span className={styles.deadLink}>{children}</span>;
  const host = realHost(url);
  return (
    <a
      className={styles.link}
      href={url.href}
      rel="noreferrer noopener"
      onClick={(event) => {
        event.preventDefault();
        onRequest(url);
      }}
      onAuxClick={(event) => event.preventDefault()}
    >
      <InsideLinkContext.Provider value={true}>{children}</InsideLinkContext.Provider>
      <span className={styles.host}>
        <ExternalLink size={11} aria-hidden />
        {host}
      </span>
    </a>
  );
}

/** Images are never loaded: fetching one would tell its host what was asked. Their address can be followed. */
function AnswerImage({ src, alt }: ComponentPropsWithoutRef<'img'>) {
  const onRequest = useContext(LinkRequestContext);
  const url = safeUrl(typeof src === 'string' ? src : undefined);
  const inside = useContext(InsideLinkContext);
  const name = alt?.trim() || 'image';
  return (
    <span className={styles.image}>
      <ImageOff size={13} aria-hidden />
      {url && !inside ? (
        <a
          className={styles.link}
          href={url.href}
          rel="noreferrer noopener"
          onClick={(event) => {
            event.preventDefault();
            onRequest(url);
          }}
          onAuxClick={(event) => event.preventDefault()}
        >
          {name} <span className={styles.host}>{realHost(url)}</span>
        </a>
      ) : (
        <span>{url ? `${name} (${realHost(url)})` : name}</span>
      )}
    </span>
  );
}

function AnswerTable({ children }: ComponentPropsWithoutRef<'table'>) {
  return (
    <div className={styles.tableScroller} tabIndex={0}>
      <table>{children}</table>
    </div>
  );
}

function TaskMark({ checked }: ComponentPropsWithoutRef<'input'>) {
  return (
    <input
      type="checkbox"
      checked={checked ?? false}
      readOnly
      disabled
      aria-label={checked ? 'done' : 'open'}
    />
  );
}
