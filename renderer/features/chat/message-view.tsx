import { ChevronRight, RotateCw } from 'lucide-react';
import { memo } from 'react';
import type { ChatMessage } from '../../../electron/contract';
import { CopyButton, ErrorBanner, IconButton, Spinner } from '../../ui';
import { classNames } from '../../lib/class-names';
import { MessageText } from './markdown/message-text';
import styles from './message.module.css';
import { MetricsLine } from './metrics-line';

export interface MessageViewProps {
  readonly message: ChatMessage;
  /** Set on the last answer while it can be asked for again. */
  readonly onRetry: (() => void) | null;
}

export const MessageView = memo(function MessageView({ message, onRetry }: MessageViewProps) {
  if (message.role === 'user') return <Question message={message} />;
  return <Answer message={message} onRetry={onRetry} />;
});

function Question({ message }: { readonly message: ChatMessage }) {
  return (
    <article className={classNames(styles.message, styles.question)} aria-label="Your question">
      <p className={styles.questionText}>{message.content}</p>
    </article>
  );
}

function Answer({ message, onRetry }: MessageViewProps) {
  const growing = message.status === 'streaming';
  const waiting = growing && message.content === '' && message.thinking === '';
  return (
    <article className={classNames(styles.message, styles.answer)} aria-label="Answer" aria-busy={growing}>
      {message.thinking !== '' && (
        <Thinking text={message.thinking} done={!growing || message.content !== ''} />
      )}
      {waiting && (
        <p className={styles.waiting}>
          <Spinner size={14} label="Waiting for the first token" />
          <span aria-hidden>Waiting for the first token…</span>
        </p>
      )}
      {message.content !== '' && <MessageText text={message.content} growing={growing} />}
      {message.error && (
        <ErrorBanner
          className={styles.error}
          error={message.error}
          {...(onRetry && message.error.retryable ? { onRetry } : {})}
        />
      )}
      {!growing && (
        <footer className={styles.footer}>
          <MetricsLine message={message} />
          <div className={styles.actions}>
            {message.content !== '' && <CopyButton text={message.content} label="Copy answer" />}
            {onRetry && !message.error?.retryable && (
              <IconButton label="Answer again" size="small" icon={<RotateCw />} onClick={onRetry} />
            )}
          </div>
        </footer>
      )}
    </article>
  );
}

/** What the model wrote for itself: there, but folded away. */
function Thinking({ text, done }: { readonly text: string; readonly done: boolean }) {
  return (
    <details className={styles.thinking}>
      <summary className={styles.thinkingSummary}>
        <ChevronRight size={14} className={styles.chevron} aria-hidden />
        {done ? 'Thoughts' : 'Thinking…'}
      </summary>
      <p className={styles.thinkingText}>{text}</p>
    </details>
  );
}
