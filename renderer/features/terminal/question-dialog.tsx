import { useStore } from 'zustand';
import { useHost } from '../../client/host-context';
import { ConfirmDialog, CopyButton, useNotify } from '../../ui';
import styles from './terminal-pane.module.css';
import type { TerminalQuestion, TerminalStore } from './terminal-store';
import type { TerminalView } from './terminal-view';
import { visibleText } from './visible-text';

const previewCharacters = 4_000;

/** Asks before something leaves the terminal or runs in it: a paste with line breaks, the clipboard, a link. */
export function QuestionDialog({
  store,
  views,
}: {
  readonly store: TerminalStore;
  readonly views: ReadonlyMap<string, TerminalView>;
}) {
  const host = useHost();
  const notify = useNotify();
  const question = useStore(store, ({ questions }) => questions[0] ?? null);
  if (!question) return null;
  const view = views.get(question.terminalId);

  const confirm = () => {
    const { about } = question;
    if (about.kind === 'paste') view?.paste(about.plan.text);
    else if (about.kind === 'clipboard') void navigator.clipboard.writeText(about.text);
    else {
      host
        .call('app.openExternal', { url: about.url })
        .catch(() => notify({ tone: 'warning', title: 'The link could not be opened. Copy it instead.' }));
    }
  };

  const texts = describe(question.about);
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => {
        if (open) return;
        store.answered();
        view?.focus();
      }}
      title={texts.title}
      description={texts.description}
      confirmLabel={texts.confirmLabel}
      tone="neutral"
      onConfirm={confirm}
    >
      <pre className={styles.preview}>{visibleText(texts.preview.slice(0, previewCharacters))}</pre>
      {texts.preview.length > previewCharacters && (
        <p>Only the first {previewCharacters} characters are shown.</p>
      )}
      {question.about.kind === 'link' && <CopyButton text={question.about.url} label="Copy address" />}
    </ConfirmDialog>
  );
}

function describe(about: TerminalQuestion['about']) {
  switch (about.kind) {
    case 'paste':
      return {
        title: `Paste ${String(about.plan.lineCount)} lines?`,
        description: 'This shell would run each line at once, as if you had pressed Enter.',
        confirmLabel: 'Paste',
        preview: about.plan.text,
      };
    case 'clipboard':
      return {
        title: 'Let this program write to your clipboard?',
        description: 'A program in the sandbox asks to replace what is on your clipboard with this text.',
        confirmLabel: 'Write to clipboard',
        preview: about.text,
      };
    case 'link':
      return {
        title: `Open ${hostOf(about.url)}?`,
        description: 'This address comes from the sandbox. It opens in your browser, outside of it.',
        confirmLabel: 'Open in browser',
        preview: about.url,
      };
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host || url : url;
}
