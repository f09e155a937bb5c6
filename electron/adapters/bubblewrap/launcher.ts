import { randomUUID } from 'node:crypto';
import type { Launch, LaunchRequest } from '../../services/embedded/ports';
import { bubblewrapArguments, insideHome, insideWorkspace, nobodyId, type SandboxView } from './arguments';
import { markerVariable } from './ending';
import type { ResourceControl } from './limits';

/** Descriptors that a program inside may have open; the hard limit, so that it cannot be raised. */
export const openFilesLimit = 65_536;

/**
 * Runs outside, as the process that becomes bubblewrap. Closes what this app's own parent may have left open,
 * joins the control group, and opens the filter of system calls. Other shells than bash know descriptors of one
 * digit only, and call the number of processes `-p`.
 */
const outsideScript = [
  'for each in /proc/self/fd/*; do number=${each##*/}; if [ "$number" -gt 2 ] && { [ -n "$BASH" ] || [ "$number" -lt 10 ]; }; then eval "exec $number>&-"; fi; done',
  'if [ -n "$1" ]; then echo $$ > "$1" || exit 71; fi',
  // Where the app is root and programs inside are not, their terminal has to be theirs.
  `if [ -n "$2" ] && [ -t 0 ]; then chown "$2" "$(tty)" || exit 72; fi`,
  'if [ -n "$3" ]; then exec 3<"$3" || exit 73; fi',
  'unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS',
  'shift 3; exec "$@"',
].join('\n');

/** Of the names under which variables are carried inside. */
export const variablePrefix = 'LM_SANDBOX_SET_';

/**
 * The variables of a request, under names that mean nothing: by their own, LD_PRELOAD or BASH_ENV would have
 * programs outside load what is named there. They become what they are as the last step inside.
 */
export function carriedInside(variables: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(variables);
  if (entries.length === 0) return {};
  return {
    [`${variablePrefix}COUNT`]: String(entries.length),
    ...Object.fromEntries(
      entries.map(([name, value], index) => [`${variablePrefix}${index}`, `${name}=${value}`]),
    ),
  };
}

/** As of docker: nothing was run. */
const notRunExitCode = 125;

/**
 * Runs inside, as the process that becomes the program: its folder, and limits that it cannot raise again. Where the
 * system's own limit of open files is lower, that one stays.
 */
const insideScript = [
  `cd -- "$3" 2> /dev/null || { printf 'lm-sandbox: No folder that can be entered is at %s.\\n' "$3" >&2; exit ${notRunExitCode}; }`,
  'ulimit -c 0',
  'ulimit -n "$1" 2> /dev/null',
  'ulimit -u "$2" 2> /dev/null || ulimit -p "$2"',
  'shift 3',
  `lm_each=0; while [ "$lm_each" -lt "\${${variablePrefix}COUNT:-0}" ]; do`,
  `eval "export \\"\\$${variablePrefix}$lm_each\\"; unset ${variablePrefix}$lm_each" 2> /dev/null`,
  `lm_each=$((lm_each + 1)); done; unset ${variablePrefix}COUNT`,
  'exec "$@"',
].join('\n');

export interface BubblewrapLauncher {
  readonly program: string;
  readonly shell: string;
  readonly view: Omit<SandboxView, 'terminal' | 'workingFolder' | 'systemCallFilter'>;
  readonly filterFile: string | null;
  readonly processes: number;
  readonly control: ResourceControl;
  /** `LANG` and the like of this computer. */
  readonly locale: Readonly<Record<string, string>>;
}

/** How bubblewrap is run for one program. */
export function bubblewrapLaunch(launcher: BubblewrapLauncher, request: LaunchRequest): Launch {
  const { control, filterFile, program, shell, view } = launcher;
  const separate = view.user === 'separate-user';
  const arguments_ = bubblewrapArguments({
    ...view,
    systemCallFilter: filterFile !== null,
    terminal: request.terminal,
  });
  const becomeNobody = [
    ...['setpriv', `--reuid=${nobodyId}`, `--regid=${nobodyId}`, '--clear-groups', '--no-new-privs'],
    ...['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--'],
  ];
  return {
    command: [
      ...control.prefix,
      ...[shell, '-c', outsideScript, 'lm-sandbox'],
      ...[control.joinFile ?? '', separate ? `${nobodyId}:${nobodyId}` : '', filterFile ?? ''],
      ...[program, ...arguments_, '--'],
      ...(separate ? becomeNobody : []),
      ...[shell, '-c', insideScript, 'lm-sandbox', String(openFilesLimit), String(launcher.processes)],
      belowWorkspace(insideWorkspace, request.workingFolder),
      ...(request.command ?? [shell, '-l']),
    ] as [string, ...string[]],
    // Bubblewrap's own environment can be read inside, as that of process 1: nothing of this app's is in it.
    environment: {
      ...control.environment,
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: insideHome,
      ...{ USER: 'sandbox', LOGNAME: 'sandbox', SHELL: shell },
      LM_SANDBOX: 'embedded',
      ...launcher.locale,
      ...carriedInside(request.environment ?? {}),
    },
    workingFolder: '/',
    variables: variablePrefix,
  };
}

/** Not normalised, as `a/..` is another folder where `a` is a link. A name like `-` means itself then, too. */
function belowWorkspace(workspace: string, folder: string | null | undefined): string {
  if (folder === null || folder === undefined) return workspace;
  return folder.startsWith('/') ? folder : `${workspace}/${folder}`;
}

/** Becomes the program; what cannot be started is told with exit code 126 or 127, as it is in bubblewrap. */
const becomeProgram = ['/bin/sh', '-c', 'exec "$@"', 'lm-sandbox'] as const;

/** A program on this computer itself, in the same folders. */
export function plainLaunch(
  folders: { readonly home: string; readonly workspace: string },
  shell: string,
  environment: Readonly<Record<string, string>>,
  request: LaunchRequest,
): Launch {
  return {
    command: request.command ? [...becomeProgram, ...request.command] : [shell, '-l'],
    environment: {
      ...environment,
      HOME: folders.home,
      SHELL: shell,
      LM_SANDBOX: 'not-isolated',
      [markerVariable]: randomUUID(),
      ...request.environment,
    },
    workingFolder: belowWorkspace(folders.workspace, request.workingFolder),
  };
}
