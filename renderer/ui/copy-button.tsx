import { Check, Copy, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { IconButton } from './icon-button';
import { VisuallyHidden } from './visually-hidden';

const shownForMs = 1_600;

export interface CopyButtonProps {
  readonly text: string;
  readonly label?: string;
  readonly size?: 'small' | 'medium';
}

/** Copies `text` and says whether that worked. */
export function CopyButton({ text, label = 'Copy', size = 'small' }: CopyButtonProps) {
  const [result, setResult] = useState<'idle' | 'copied' | 'refused'>('idle');

  useEffect(() => {
    if (result === 'idle') return;
    const timer = setTimeout(() => setResult('idle'), shownForMs);
    return () => clearTimeout(timer);
  }, [result]);

  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setResult('copied'),
      () => setResult('refused'),
    );
  };
  const name = { idle: label, copied: 'Copied', refused: 'The clipboard refused the text' }[result];
  const icon = { idle: <Copy />, copied: <Check />, refused: <X /> }[result];
  return (
    <>
      <IconButton label={name} icon={icon} size={size} onClick={copy} />
      <VisuallyHidden role="status">{result === 'idle' ? '' : name}</VisuallyHidden>
    </>
  );
}
