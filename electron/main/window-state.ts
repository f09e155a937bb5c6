import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { screen, type BrowserWindow, type Rectangle } from 'electron';

interface WindowState {
  readonly bounds: Rectangle;
  readonly maximised: boolean;
}

const defaultSize = { width: 1280, height: 800 };

function stateFile(dataFolder: string): string {
  return path.join(dataFolder, 'window-state.json');
}

/** Where the window was; the default when that is unknown, unreadable or on a screen that is gone. */
export function readWindowState(dataFolder: string): { bounds: Partial<Rectangle>; maximised: boolean } {
  try {
    const state: unknown = JSON.parse(readFileSync(stateFile(dataFolder), 'utf8'));
    if (isWindowState(state)) {
      const visible = screen.getAllDisplays().some(({ workArea }) => overlaps(workArea, state.bounds));
      if (visible) return state;
    }
  } catch {
    // First start, or a file that cannot be read: the window just opens where the desktop puts it.
  }
  return { bounds: defaultSize, maximised: false };
}

export function writeWindowState(dataFolder: string, window: BrowserWindow): void {
  const state: WindowState = { bounds: window.getNormalBounds(), maximised: window.isMaximized() };
  const file = stateFile(dataFolder);
  try {
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
  } catch (error) {
    process.stderr.write(`The window's place could not be remembered: ${String(error)}\n`);
  }
}

function isWindowState(value: unknown): value is WindowState {
  if (typeof value !== 'object' || value === null || !('bounds' in value) || !('maximised' in value))
    return false;
  const { bounds } = value;
  if (typeof bounds !== 'object' || bounds === null || typeof value.maximised !== 'boolean') return false;
  return ['x', 'y', 'width', 'height'].every(
    (key) => key in bounds && Number.isInteger((bounds as Record<string, unknown>)[key]),
  );
}

function overlaps(area: Rectangle, bounds: Rectangle): boolean {
  const margin = 80;
  return (
    bounds.x + bounds.width > area.x + margin &&
    bounds.x < area.x + area.width - margin &&
    bounds.y >= area.y - margin &&
    bounds.y < area.y + area.height - margin
  );
}
