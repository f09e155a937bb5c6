import path from 'node:path';
import { defaultDataFolder } from '../data-folder';

/** What the command line or the environment names, else the app's: conversations and the host are found by it. */
export function dataFolderOf(given: string | null, env: NodeJS.ProcessEnv): string {
  return path.resolve(given ?? (env['LM_SANDBOX_DATA_FOLDER'] || defaultDataFolder(env)));
}
