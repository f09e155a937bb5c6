import { homedir } from 'node:os';
import path from 'node:path';

/** The same folder that the desktop app has, so that both find one another's conversations, and one another. */
export function defaultDataFolder(env: NodeJS.ProcessEnv): string {
  const configFolder = env['XDG_CONFIG_HOME'];
  const base = configFolder && path.isAbsolute(configFolder) ? configFolder : path.join(homedir(), '.config');
  return path.join(base, 'lm-sandbox');
}
