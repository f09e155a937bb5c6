import { SlidersHorizontal } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import { generationOptionsSchema, type GenerationOptions } from '../../../electron/contract';
import { IconButton, TextAreaField, TextField } from '../../ui';
import styles from './answer-settings.module.css';

export interface AnswerSettingsProps {
  readonly systemPrompt: string;
  readonly onSystemPromptChange: (text: string) => void;
  readonly options: GenerationOptions;
  readonly onOptionsChange: (options: GenerationOptions) => void;
}

/** System prompt of the conversation, temperature and length of its answers. Empty means the model's default. */
export function AnswerSettings({
  systemPrompt,
  onSystemPromptChange,
  options,
  onOptionsChange,
}: AnswerSettingsProps) {
  const changed = systemPrompt !== '' || options.temperature !== null || options.maxTokens !== null;
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <IconButton
          label={changed ? 'Answer settings (changed)' : 'Answer settings'}
          icon={<SlidersHorizontal />}
          pressed={changed}
          tooltipSide="top"
        />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className={styles.popover}
          side="top"
          align="start"
          sideOffset={6}
          collisionPadding={8}
        >
          <SystemPrompt key={systemPrompt} value={systemPrompt} onCommit={onSystemPromptChange} />
          <NumberField
            label="Temperature"
            description="0 to 2; empty for the model's own."
            value={options.temperature}
            parse={(number) => generationOptionsSchema.shape.temperature.safeParse(number).success}
            problem="A number from 0 to 2."
            onCommit={(temperature) => onOptionsChange({ ...options, temperature })}
          />
          <NumberField
            label="Longest answer"
            description="In tokens; empty for no limit."
            value={options.maxTokens}
            parse={(number) => generationOptionsSchema.shape.maxTokens.safeParse(number).success}
            problem="A whole number from 1 to 1,000,000."
            onCommit={(maxTokens) => onOptionsChange({ ...options, maxTokens })}
          />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** Handed on when the field is left, so that each key is no write to the disk. */
function SystemPrompt({
  value,
  onCommit,
}: {
  readonly value: string;
  readonly onCommit: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  return (
    <TextAreaField
      label="System prompt"
      rows={4}
      maxLength={100_000}
      value={text}
      onValueChange={setText}
      onBlur={() => {
        if (text !== value) onCommit(text);
      }}
      placeholder="How the model should answer in this conversation"
    />
  );
}

function NumberField({
  label,
  description,
  value,
  parse,
  problem,
  onCommit,
}: {
  readonly label: string;
  readonly description: string;
  readonly value: number | null;
  readonly parse: (number: number) => boolean;
  readonly problem: string;
  readonly onCommit: (value: number | null) => void;
}) {
  const [text, setText] = useState(value === null ? '' : String(value));
  const number = Number(text.replace(',', '.'));
  const wrong = text.trim() !== '' && !parse(number);
  return (
    <TextField
      label={label}
      description={description}
      error={wrong ? problem : null}
      inputMode="decimal"
      value={text}
      onValueChange={(next) => {
        setText(next);
        if (next.trim() === '') onCommit(null);
        else if (parse(Number(next.replace(',', '.')))) onCommit(Number(next.replace(',', '.')));
      }}
    />
  );
}
