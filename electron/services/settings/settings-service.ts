import { z } from 'zod';
import {
  LmError,
  defaultSettings,
  settingsSchema,
  toLmError,
  type ErrorData,
  type Settings,
  type SettingsState,
} from '../../contract';
import { Emitter, type Disposable, type Logger } from '../foundation';
import type { SettingsGeneration, SettingsStore } from './ports';

export interface SettingsServiceDeps {
  readonly store: SettingsStore;
  readonly logger: Logger;
}

const fileSchema = z.object({ version: z.literal(1), settings: z.record(z.string(), z.unknown()) });

/** The settings, always complete and valid. What could not be read is kept aside and told, never overwritten. */
export class SettingsService implements Disposable {
  readonly onChanged: Emitter<SettingsState>;
  private writing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly deps: SettingsServiceDeps,
    private published: SettingsState,
  ) {
    this.onChanged = new Emitter((error) => deps.logger.error('A listener failed', { error }));
  }

  /** Reads the store. Never rejects: without a readable copy it has the defaults and says why. */
  static async open(deps: SettingsServiceDeps): Promise<SettingsService> {
    const { settings, error } = await load(deps);
    return new SettingsService(deps, { revision: 1, settings, error });
  }

  state(): SettingsState {
    return this.published;
  }

  current(): Settings {
    return this.published.settings;
  }

  /**
   * Changes the given settings and keeps them. Rejects with `invalid_input`, `storage_failed` or `disk_full`;
   * then nothing has changed.
   */
  update(changes: Partial<Settings>): Promise<SettingsState> {
    const update = this.writing.then(async () => {
      const settings = merge(this.published.settings, changes);
      await this.deps.store.write(`${JSON.stringify({ version: 1, settings }, null, 2)}\n`);
      this.published = { revision: this.published.revision + 1, settings, error: null };
      this.onChanged.emit(this.published);
      return this.published;
    });
    this.writing = update.catch(() => undefined);
    return update;
  }

  dispose(): void {
    this.onChanged.clear();
  }
}

function merge(settings: Settings, changes: Partial<Settings>): Settings {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const result = settingsSchema.safeParse({ ...settings, ...given });
  if (result.success) return result.data;
  throw new LmError('invalid_input', `These settings are not valid: ${describeIssues(result.error)}.`);
}

async function load(deps: SettingsServiceDeps): Promise<{ settings: Settings; error: ErrorData | null }> {
  let generations: readonly SettingsGeneration[];
  try {
    generations = await deps.store.read();
  } catch (error) {
    deps.logger.error('The settings could not be read', { error });
    return { settings: defaultSettings, error: toLmError(error).data };
  }
  const broken: { readonly place: string; readonly reason: string }[] = [];
  for (const generation of generations) {
    const result = parse(generation.text);
    if ('settings' in result) {
      return { settings: result.settings, error: broken[0] ? brokenError(broken[0], generation) : null };
    }
    deps.logger.error('A settings file is broken', { place: generation.place, reason: result.reason });
    broken.push({ place: await keepAside(deps, generation), reason: result.reason });
  }
  return { settings: defaultSettings, error: broken[0] ? brokenError(broken[0], null) : null };
}

async function keepAside(deps: SettingsServiceDeps, generation: SettingsGeneration): Promise<string> {
  try {
    return await deps.store.setAside(generation);
  } catch (error) {
    deps.logger.error('A broken settings file could not be moved', { error });
    return generation.place;
  }
}

function parse(text: string): { readonly settings: Settings } | { readonly reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'it is not JSON' };
  }
  const file = fileSchema.safeParse(json);
  if (!file.success) return { reason: describeIssues(file.error) };
  // What an older version did not know yet has its default.
  const settings = settingsSchema.safeParse({ ...defaultSettings, ...file.data.settings });
  return settings.success ? { settings: settings.data } : { reason: describeIssues(settings.error) };
}

function brokenError(
  broken: { readonly place: string; readonly reason: string },
  taken: SettingsGeneration | null,
): ErrorData {
  const instead = taken ? `An earlier copy took its place (${taken.place}).` : 'The defaults took its place.';
  return new LmError('storage_corrupt', `The settings file was broken: ${broken.reason}. ${instead}`, {
    details: { keptAt: broken.place, reason: broken.reason },
    repair: { text: `Check the settings. The broken file is kept at ${broken.place}.` },
  }).data;
}

function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`).join('; ');
}
