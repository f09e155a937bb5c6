import { SendHorizontal, Square } from 'lucide-react';
import {
  useCallback,
  useLayoutEffect,
  useRef,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { useMediaQuery } from '../../lib/use-media-query';
import { IconButton } from '../../ui';
import { maxChatTextLength } from '../../../electron/contract';
import styles from './composer.module.css';

const maxHeightPixels = 240;

export interface ComposerProps {
  readonly draft: string;
  readonly onDraftChange: (text: string) => void;
  readonly onSend: () => void;
  readonly onStop: () => void;
  readonly answering: boolean;
  readonly stopping: boolean;
  /** Why nothing can be sent right now; null when it can. */
  readonly blocked: string | null;
  /** Controls below the text: the model, the settings. */
  readonly children: ReactNode;
  readonly textRef: RefObject<HTMLTextAreaElement | null>;
}

/** Where a question is written: Enter sends, Shift+Enter breaks the line, Escape stops the answer. */
export function Composer({
  draft,
  onDraftChange,
  onSend,
  onStop,
  answering,
  stopping,
  blocked,
  children,
  textRef,
}: ComposerProps) {
  const form = useRef<HTMLFormElement>(null);
  // On a touch screen there is no Shift to hold, and the key says what it does.
  const touch = useMediaQuery('(pointer: coarse)');
  const placeholder =
    blocked ?? (touch ? 'Ask the model…' : 'Ask the model… (Enter sends, Shift+Enter for a new line)');
  const sendable = !answering && blocked === null && draft.trim() !== '';

  const fitHeight = useCallback(() => {
    const text = textRef.current;
    if (!text) return;
    text.style.height = 'auto';
    text.style.height = `${Math.min(maxHeightPixels, text.scrollHeight)}px`;
  }, [textRef]);
  useLayoutEffect(fitHeight, [fitHeight, draft, placeholder]);
  useLayoutEffect(() => {
    const text = textRef.current;
    if (!text) return;
    let width = text.clientWidth;
    const observer = new ResizeObserver(() => {
      if (text.clientWidth === width) return;
      width = text.clientWidth;
      fitHeight();
    });
    observer.observe(text);
    return () => observer.disconnect();
  }, [fitHeight, textRef]);

  const handleKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // While an input method composes, Enter takes its suggestion.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      if (sendable) onSend();
    } else if (event.key === 'Escape' && answering) {
      event.preventDefault();
      onStop();
    }
  };

  return (
    <form
      ref={form}
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        if (sendable) onSend();
      }}
    >
      <textarea
        ref={textRef}
        className={styles.text}
        aria-label="Question"
        placeholder={placeholder}
        enterKeyHint="send"
        rows={1}
        maxLength={maxChatTextLength}
        value={draft}
        onChange={(event) => onDraftChange(event.currentTarget.value)}
        onKeyDown={handleKey}
      />
      <div className={styles.bar}>
        {children}
        <div className={styles.send}>
          {answering ? (
            <IconButton
              label="Stop the answer"
              shortcut="Escape"
              icon={<Square />}
              busy={stopping}
              onClick={onStop}
              tooltipSide="top"
              className={styles.stopButton}
            />
          ) : (
            <IconButton
              type="submit"
              label="Send"
              shortcut="Enter"
              icon={<SendHorizontal />}
              disabled={!sendable}
              tooltipSide="top"
              className={styles.sendButton}
            />
          )}
        </div>
      </div>
    </form>
  );
}
