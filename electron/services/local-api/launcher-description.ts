import type { EmbeddedStatus } from '../../contract';
import type { EmbeddedService } from '../embedded';
import type { LauncherDescription } from './ports';

/** Stand-ins for a folder and a program, which the gateway puts in their place. Its folders are whole paths. */
const folder = '/\0folder';
const program = '\0program';

/** How the embedded sandbox starts programs now. Throws `sandbox_not_running`. */
export function describeLauncher(
  embedded: Pick<EmbeddedService, 'launch'>,
  { isolation, home, workspace }: Pick<EmbeddedStatus, 'isolation' | 'home' | 'workspace'>,
): LauncherDescription {
  const launch = (terminal: boolean) =>
    embedded.launch({ command: [program], terminal, workingFolder: folder });
  const { command, environment, variables } = launch(false);
  const isolated = isolation.kind === 'bubblewrap';
  const prefixOf = (whole: readonly string[]) => {
    if (!isolated) return [];
    if (whole.at(-2) !== folder || whole.at(-1) !== program) {
      throw new Error('A launch ends in its folder and its program.');
    }
    return whole.slice(0, -2);
  };
  return {
    isolation: isolated ? 'bubblewrap' : 'none',
    command: prefixOf(command),
    terminal_command: prefixOf(launch(true).command),
    environment,
    variables: isolated ? (variables ?? null) : null,
    shell: environment['SHELL'] ?? '/bin/sh',
    home,
    workspace,
    owner: isolation.kind === 'bubblewrap' && isolation.user === 'separate-user' ? nobodyId : null,
  };
}

/** As the embedded sandbox has it where the app is root. */
const nobodyId = 65534;
