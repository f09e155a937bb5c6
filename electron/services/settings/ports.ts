/** A copy of the settings as it lies in the store; 0 is the newest. */
export interface SettingsGeneration {
  readonly generation: number;
  /** For people: the file's path. */
  readonly place: string;
  readonly text: string;
}

/** Keeps the settings' text and its last generations. Rejects with `storage_failed` or `disk_full`. */
export interface SettingsStore {
  /** All that can be read, newest first; empty when nothing was ever written. */
  read(): Promise<readonly SettingsGeneration[]>;
  /** Moves a generation out of the way, where nothing overwrites it, and gives its new place. */
  setAside(generation: SettingsGeneration): Promise<string>;
  /** Makes `text` the newest generation: after a crash at any moment either the old or the new one is whole. */
  write(text: string): Promise<void>;
}
