import { ArrowDown, ArrowUp, CaseSensitive, Regex, X } from 'lucide-react';
import type { ISearchOptions } from '@xterm/addon-search';
import { useEffect, useRef, useState } from 'react';
import { IconButton, TextField } from '../../ui';
import styles from './terminal-pane.module.css';

export interface FindBarProps {
  readonly text: string;
  /** Place of the selected match, -1 when there are none or too many to count. */
  readonly index: number;
  readonly count: number;
  readonly onFind: (text: string, direction: 'next' | 'previous', options: ISearchOptions) => void;
  readonly onClose: () => void;
}

/** Decorations are what makes the add-on count the matches. */
const decorations = {
  matchBackground: '#8a6d1f',
  matchOverviewRuler: '#c79a2a',
  activeMatchBackground: '#c2410c',
  activeMatchColorOverviewRuler: '#c2410c',
};

export function FindBar({ text, index, count, onFind, onClose }: FindBarProps) {
  const field = useRef<HTMLInputElement>(null);
  const [caseSensitive, setCaseSensitive] = useState(false);
  const [regex, setRegex] = useState(false);
  useEffect(() => field.current?.select(), []);

  const invalid = regex && !isRegex(text);
  const find = (value: string, direction: 'next' | 'previous', change: ISearchOptions = {}) => {
    const options = { caseSensitive, regex, decorations, ...change };
    if (!(options.regex && !isRegex(value))) onFind(value, direction, options);
  };

  return (
    <div className={styles.findBar} role="search" aria-label="Find in terminal">
      <TextField
        ref={field}
        label="Find"
        hideLabel
        placeholder="Find"
        size="small"
        mono
        autoFocus
        value={text}
        onValueChange={(value) => find(value, 'previous', { incremental: true })}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onClose();
          else if (event.key === 'Enter') find(text, event.shiftKey ? 'next' : 'previous');
          else return;
          event.preventDefault();
        }}
      />
      <span className={styles.findCount} role="status">
        {invalid
          ? 'Not a valid expression'
          : text === ''
            ? ''
            : count === 0
              ? 'No match'
              : `${String(index + 1)} of ${String(count)}`}
      </span>
      <IconButton
        label="Match case"
        icon={<CaseSensitive size={15} />}
        pressed={caseSensitive}
        onClick={() => {
          setCaseSensitive(!caseSensitive);
          find(text, 'previous', { caseSensitive: !caseSensitive });
        }}
      />
      <IconButton
        label="Regular expression"
        icon={<Regex size={15} />}
        pressed={regex}
        onClick={() => {
          setRegex(!regex);
          find(text, 'previous', { regex: !regex });
        }}
      />
      <IconButton
        label="Earlier match"
        shortcut="Enter"
        icon={<ArrowUp size={15} />}
        onClick={() => find(text, 'previous')}
      />
      <IconButton
        label="Later match"
        shortcut="Shift+Enter"
        icon={<ArrowDown size={15} />}
        onClick={() => find(text, 'next')}
      />
      <IconButton label="Close" shortcut="Esc" icon={<X size={15} />} onClick={onClose} />
    </div>
  );
}

function isRegex(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    // What is being typed is often half an expression.
    return false;
  }
}
