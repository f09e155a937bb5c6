import { MessageSquarePlus, MoreHorizontal, Pencil, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { ConversationSummary } from '../../../electron/contract';
import { classNames } from '../../lib/class-names';
import { formatRelativeTime } from '../../lib/format';
import { useNow } from '../../lib/use-now';
import { Button, ConfirmDialog, Dialog, IconButton, Menu, MenuItem, Spinner, TextField } from '../../ui';
import styles from './conversation-list.module.css';

export interface ConversationListProps {
  /** Null until the host has told. */
  readonly conversations: readonly ConversationSummary[] | null;
  readonly selectedId: string | null;
  readonly onSelect: (id: string) => void;
  readonly onNew: () => void;
  readonly onRename: (id: string, title: string) => void;
  readonly onRemove: (id: string) => void;
}

export function ConversationListView({
  conversations,
  selectedId,
  onSelect,
  onNew,
  onRename,
  onRemove,
}: ConversationListProps) {
  const nowMs = useNow(60_000);
  const [renaming, setRenaming] = useState<ConversationSummary | null>(null);
  const [removing, setRemoving] = useState<ConversationSummary | null>(null);
  return (
    <nav className={styles.list} aria-label="Conversations">
      <Button size="small" className={styles.new} icon={<MessageSquarePlus size={14} />} onClick={onNew}>
        New conversation
      </Button>
      {conversations?.length === 0 && <p className={styles.none}>No conversations yet.</p>}
      <ul className={styles.items}>
        {conversations?.map((conversation) => (
          <li
            key={conversation.id}
            className={classNames(styles.item, conversation.id === selectedId && styles.selected)}
          >
            <button
              type="button"
              className={styles.open}
              aria-current={conversation.id === selectedId ? 'true' : undefined}
              title={conversation.title}
              onClick={() => onSelect(conversation.id)}
            >
              <span className={styles.title}>{conversation.title}</span>
              <span className={styles.time}>
                {conversation.answering ? 'answering…' : formatRelativeTime(conversation.updatedAtMs, nowMs)}
              </span>
            </button>
            {conversation.answering && <Spinner size={12} />}
            <div className={styles.more}>
              <Menu
                align="end"
                trigger={
                  <IconButton
                    label={`More for ${conversation.title}`}
                    size="small"
                    icon={<MoreHorizontal />}
                  />
                }
              >
                <MenuItem icon={<Pencil />} onSelect={() => setRenaming(conversation)}>
                  Rename…
                </MenuItem>
                <MenuItem icon={<Trash2 />} tone="danger" onSelect={() => setRemoving(conversation)}>
                  Delete…
                </MenuItem>
              </Menu>
            </div>
          </li>
        ))}
      </ul>
      {renaming && (
        <RenameDialog
          title={renaming.title}
          onClose={() => setRenaming(null)}
          onRename={(title) => {
            onRename(renaming.id, title);
            setRenaming(null);
          }}
        />
      )}
      <ConfirmDialog
        open={removing !== null}
        onOpenChange={(open) => {
          if (!open) setRemoving(null);
        }}
        title="Delete this conversation?"
        description={`“${removing?.title ?? ''}” and its ${removing?.messageCount ?? 0} messages will be gone.`}
        confirmLabel="Delete conversation"
        onConfirm={() => {
          if (removing) onRemove(removing.id);
        }}
      />
    </nav>
  );
}

function RenameDialog({
  title,
  onClose,
  onRename,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly onRename: (title: string) => void;
}) {
  const [text, setText] = useState(title);
  const usable = text.trim() !== '';
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title="Rename conversation"
      width="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" disabled={!usable} onClick={() => onRename(text)}>
            Rename
          </Button>
        </>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (usable) onRename(text);
        }}
      >
        <TextField label="Title" value={text} maxLength={200} onValueChange={setText} autoFocus />
      </form>
    </Dialog>
  );
}
