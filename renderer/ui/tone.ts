/** What a colour means wherever it stands. Never the only carrier: a word or icon says the same. */
export type Tone = 'neutral' | 'ok' | 'warning' | 'danger' | 'info' | 'accent';
