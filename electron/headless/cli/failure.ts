import type { ErrorData } from '../../contract';

/** Exit codes of the program's own failures; README and docs/cli.md promise them. */
export const exitCodes = { failed: 1, usage: 2, timedOut: 124, notRun: 125 } as const;

/** Something that is told in a sentence, with what to do about it. */
export class CliFailure extends Error {
  constructor(
    readonly data: ErrorData,
    readonly exitCode: number = exitCodes.failed,
  ) {
    super(data.message);
    this.name = 'CliFailure';
  }
}

export function failure(
  code: ErrorData['code'],
  message: string,
  repair: { readonly text: string; readonly command?: string } | null = null,
  exitCode: number = exitCodes.failed,
): CliFailure {
  return new CliFailure(
    {
      code,
      message,
      details: {},
      repair: repair && { text: repair.text, command: repair.command ?? null },
      retryable: false,
    },
    exitCode,
  );
}

/** A wrong command line. */
export function usage(message: string, verb: string | null = null): CliFailure {
  const help = verb === null ? 'lm-sandbox --help' : `lm-sandbox ${verb} --help`;
  return failure('invalid_input', message, { text: 'What there is:', command: help }, exitCodes.usage);
}

/** For what went wrong before a command ran, which has an exit code of its own. */
export function notRun(error: unknown): never {
  throw error instanceof CliFailure ? new CliFailure(error.data, exitCodes.notRun) : error;
}

/** Any thrown value as data for people and programs. */
export function failureData(error: unknown): ErrorData {
  if (error instanceof CliFailure) return error.data;
  const message = error instanceof Error ? error.message : String(error);
  return failure('internal', message || 'Unknown failure').data;
}

/** As lines for people. */
export function describeFailure({ message, repair }: ErrorData): string {
  const lines = [`lm-sandbox: ${message}`];
  if (repair) lines.push(repair.command === null ? repair.text : `${repair.text}  ${repair.command}`);
  return `${lines.join('\n')}\n`;
}
