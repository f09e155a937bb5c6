/** What a paste would do, decided before it reaches the shell. */
export interface PastePlan {
  /** Text as it goes to xterm's `paste`. */
  readonly text: string;
  /** True when line breaks would run as commands, so that the person is asked first. */
  readonly needsConfirmation: boolean;
  readonly lineCount: number;
}

/**
 * Escape characters are made visible: one could end the bracketed paste early and have the rest taken as typed
 * (https://thejh.net/misc/website-terminal-copy-paste).
 */
export function planPaste(text: string, bracketedPaste: boolean, confirmMultiLine: boolean): PastePlan {
  const safe = text.replaceAll('\u001b', '\u241b').replace(/(?![\t\r\n\v\f])\p{Cc}/gu, '');
  const lineCount = safe.replace(/(\r\n|\r|\n)+$/, '').split(/\r\n|\r|\n/).length;
  const runsCommands = /[\r\n]/.test(safe);
  return { text: safe, lineCount, needsConfirmation: runsCommands && !bracketedPaste && confirmMultiLine };
}
