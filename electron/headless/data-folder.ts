import { homedir } from 'node:os';
import path from 'node:path';

/** The same folder that the desktop app has, so that both find one another's conversations, and one another. */
function defaultDataFolder(env: NodeJS.ProcessEnv): string {
  const configFolder = env['XDG_CONFIG_HOME'];
  const base = configFolder && path.isAbsolute(configFolder) ? configFolder : path.join(homedir(), '.config');
  return path.join(base, 'lm-sandbox');
}

/** What the command line or the environment names, else the app's: conversations and the host are found by it. */
export function dataFolderOf(given: string | null, env: NodeJS.ProcessEnv): string {
  return path.resolve(given ?? (env['LM_SANDBOX_DATA_FOLDER'] || defaultDataFolder(env)));
}
