import { settingsSchema, type Settings } from '../../../electron/contract';

const bytesPerGib = 1024 ** 3;

/** The settings as they stand in the form: numbers as typed, an empty text for "none". */
export interface SettingsDraft extends Omit<
  Settings,
  | 'engineUrl'
  | 'hostPort'
  | 'localApiPort'
  | 'memoryLimitBytes'
  | 'cpuLimit'
  | 'pidsLimit'
  | 'extraCertificatesFolder'
  | 'terminalFontSize'
> {
  readonly engineUrl: string;
  readonly hostPort: string;
  readonly localApiPort: string;
  /** In GiB. */
  readonly memoryLimitBytes: string;
  readonly cpuLimit: string;
  readonly pidsLimit: string;
  readonly extraCertificatesFolder: string;
  readonly terminalFontSize: string;
}

export type SettingsProblems = Partial<Record<keyof Settings, string>>;

export function draftOf(settings: Settings): SettingsDraft {
  return {
    ...settings,
    engineUrl: settings.engineUrl ?? '',
    hostPort: String(settings.hostPort),
    localApiPort: String(settings.localApiPort),
    memoryLimitBytes:
      settings.memoryLimitBytes === null
        ? ''
        : String(Number((settings.memoryLimitBytes / bytesPerGib).toFixed(3))),
    cpuLimit: settings.cpuLimit === null ? '' : String(settings.cpuLimit),
    pidsLimit: String(settings.pidsLimit),
    extraCertificatesFolder: settings.extraCertificatesFolder ?? '',
    terminalFontSize: String(settings.terminalFontSize),
  };
}

/** The settings a draft stands for, or what is wrong with which field. */
export function settingsOf(
  draft: SettingsDraft,
):
  | { readonly settings: Settings; readonly problems: null }
  | { readonly settings: null; readonly problems: SettingsProblems } {
  const memoryGib = optionalNumber(draft.memoryLimitBytes);
  const parsed = settingsSchema.safeParse({
    ...draft,
    engineUrl: optionalText(draft.engineUrl),
    hostPort: requiredNumber(draft.hostPort),
    localApiPort: requiredNumber(draft.localApiPort),
    memoryLimitBytes: memoryGib === null ? null : Math.round(memoryGib * bytesPerGib),
    cpuLimit: optionalNumber(draft.cpuLimit),
    pidsLimit: requiredNumber(draft.pidsLimit),
    extraCertificatesFolder: optionalText(draft.extraCertificatesFolder),
    terminalFontSize: requiredNumber(draft.terminalFontSize),
  });
  if (parsed.success) return { settings: parsed.data, problems: null };
  const problems: SettingsProblems = {};
  for (const issue of parsed.error.issues) {
    const field = settingsSchema.keyof().safeParse(issue.path[0]);
    if (field.success) problems[field.data] ??= hints[field.data] ?? issue.message;
  }
  return { settings: null, problems };
}

/** Where the schema's own message speaks of bytes or of a NaN rather than of what to type. */
const hints: SettingsProblems = {
  hostPort: 'A port from 1 to 65535',
  localApiPort: 'A port from 1 to 65535',
  memoryLimitBytes: 'At least 0.5 GiB, or empty for no limit',
  cpuLimit: 'A number of cores above 0, or empty for no limit',
  pidsLimit: 'A whole number from 64 to 1,000,000',
  terminalFontSize: 'A whole number from 8 to 32',
};

/** Only what differs, so that a setting changed elsewhere meanwhile is not put back. */
export function changedSettings(before: Settings, after: Settings): Partial<Settings> {
  const changed = Object.entries(after).filter(([name, value]) => Reflect.get(before, name) !== value);
  return settingsSchema.partial().parse(Object.fromEntries(changed));
}

function optionalText(text: string): string | null {
  return text.trim() === '' ? null : text.trim();
}

function requiredNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function optionalNumber(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}
