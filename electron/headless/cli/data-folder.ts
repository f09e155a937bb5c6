import { homedir } from 'node:os';
import path from 'node:path';

/** The same as the app's: conversations and the host are found by it. */
export function dataFolderOf(given: string | null, env: NodeJS.ProcessEnv): string {
  if (given !== null) return path.resolve(given);
  if (env['LM_SANDBOX_DATA_FOLDER']) return path.resolve(env['LM_SANDBOX_DATA_FOLDER']);
  const configFolder = env['XDG_CONFIG_HOME'];
  const base = configFolder && path.isAbsolute(configFolder) ? configFolder : path.join(homedir(), '.config');
  return path.join(base, 'lm-sandbox');
}
