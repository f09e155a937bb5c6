/**
 * What keeps a desktop app from starting on a machine, in one sentence each with what to do about it.
 * Gathering (`readMachine`) is kept apart from deciding (`findObstacle`).
 * @module
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The setting by which a person accepts that pages run without Chromium's sandbox. */
export const NO_SANDBOX_VARIABLE = 'LM_SANDBOX_NO_CHROMIUM_SANDBOX';

/**
 * @typedef {object} Machine
 * @property {NodeJS.Platform} platform
 * @property {boolean} hasDisplay DISPLAY or WAYLAND_DISPLAY is set.
 * @property {boolean} isRoot
 * @property {boolean} acceptsNoSandbox
 * @property {boolean} usersCanMakeNamespaces The kernel's switches for it are on.
 * @property {boolean} appArmorRestrictsNamespaces Ubuntu 24.04 and later.
 */

/**
 * @param {string} nodeVersion For example `20.19.0`.
 * @param {string} required The lowest, for example `>=20.19.0`.
 * @returns {string | undefined} One line, or undefined when it fits.
 */
export function findNodeObstacle(nodeVersion, required) {
  const lowest = required.replace(/^[^\d]*/, '');
  const [have, want] = [nodeVersion, lowest].map((version) => version.split('.').map(Number));
  for (let place = 0; place < 3; place += 1) {
    const difference = (have?.[place] ?? 0) - (want?.[place] ?? 0);
    if (difference > 0) return undefined;
    if (difference < 0) {
      return `Node ${nodeVersion} is too old: lm-sandbox needs ${lowest} or newer. Install it from https://nodejs.org or with your version manager.`;
    }
  }
  return undefined;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Machine}
 */
export function readMachine(env) {
  return {
    platform: process.platform,
    hasDisplay: Boolean(env['DISPLAY']) || Boolean(env['WAYLAND_DISPLAY']),
    isRoot: process.getuid?.() === 0,
    acceptsNoSandbox: env[NO_SANDBOX_VARIABLE] === '1',
    usersCanMakeNamespaces:
      readSwitch('/proc/sys/kernel/unprivileged_userns_clone') !== '0' &&
      readSwitch('/proc/sys/user/max_user_namespaces') !== '0',
    appArmorRestrictsNamespaces: readSwitch('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1',
  };
}

/** @param {string} path */
function readSwitch(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Whether browsers are served instead of opening a window, and why.
 * @param {readonly string[]} args
 * @param {Machine} machine
 * @returns {{ reason: string | undefined } | undefined} Undefined for a window; no reason where it was asked for.
 */
export function findServing(args, machine) {
  if (args.includes('--serve') || args.includes('--link')) return { reason: undefined };
  if (machine.platform !== 'linux' || machine.hasDisplay) return undefined;
  return {
    reason:
      'There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so browsers are served instead of opening a window.',
  };
}

/**
 * What can be said before anything has been fetched.
 * @param {Machine} machine
 * @returns {string | undefined} One line, or undefined when nothing is in the way.
 */
export function findObstacle(machine) {
  if (machine.platform !== 'linux') return undefined;
  if (machine.isRoot && !machine.acceptsNoSandbox) {
    return `Chromium's sandbox does not work as root: run npm start as an ordinary user, accept that its pages run without one with \`${NO_SANDBOX_VARIABLE}=1 npm start\`, or serve browsers instead with \`npm start -- --serve\`.`;
  }
  return undefined;
}

/**
 * What can be said when the Electron binary is there: whether its sandbox will start.
 * @param {Machine} machine
 * @param {{ helper: string, helperIsSetuid: boolean, hasAppArmorProfile: boolean }} electron `helper` is the
 *   path of its `chrome-sandbox`.
 * @returns {string | undefined}
 */
export function findSandboxObstacle(machine, { helper, helperIsSetuid, hasAppArmorProfile }) {
  if (machine.platform !== 'linux' || machine.isRoot || machine.acceptsNoSandbox || helperIsSetuid) {
    return undefined;
  }
  const repair = `\`sudo chown root:root '${helper}' && sudo chmod 4755 '${helper}'\``;
  if (machine.appArmorRestrictsNamespaces && !hasAppArmorProfile) {
    return `AppArmor keeps Chromium's sandbox from starting (kernel.apparmor_restrict_unprivileged_userns=1, as on Ubuntu 24.04): allow it for this copy of Electron with ${repair}`;
  }
  if (!machine.usersCanMakeNamespaces) {
    return `This kernel lets no user make namespaces, which Chromium's sandbox needs: use its helper instead with ${repair}`;
  }
  return undefined;
}

/**
 * @param {string} executablePath
 * @returns {{ helper: string, helperIsSetuid: boolean, hasAppArmorProfile: boolean }}
 */
export function readElectronSandbox(executablePath) {
  const helper = join(dirname(executablePath), 'chrome-sandbox');
  return { helper, helperIsSetuid: isSetuidRoot(helper), hasAppArmorProfile: hasProfileFor(executablePath) };
}

/** @param {string} path */
function isSetuidRoot(path) {
  try {
    const facts = statSync(path);
    return facts.uid === 0 && (facts.mode & 0o4000) !== 0;
  } catch {
    return false;
  }
}

/** @param {string} executablePath */
function hasProfileFor(executablePath) {
  try {
    return readdirSync('/etc/apparmor.d', { withFileTypes: true }).some(
      (entry) =>
        entry.isFile() && readFileSync(join('/etc/apparmor.d', entry.name), 'utf8').includes(executablePath),
    );
  } catch {
    return false;
  }
}

/**
 * Reads from the last words of an Electron that ended why it did.
 * @param {string} stderr
 * @returns {string | undefined} One line, or undefined when it was none of the known reasons.
 */
export function explainElectronEnd(stderr) {
  if (
    /Missing X server or \$DISPLAY|cannot open display|Failed to connect to Wayland display/i.test(stderr)
  ) {
    return 'The display did not answer: check DISPLAY or WAYLAND_DISPLAY, and whether this user may use it.';
  }
  const library = /error while loading shared libraries: (\S+?):/.exec(stderr)?.[1];
  if (library !== undefined) {
    return `Electron needs the system library ${library}: on Debian and Ubuntu \`sudo apt-get install libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libxtst6\` (Ubuntu 24.04: libgtk-3-0t64 libasound2t64).`;
  }
  if (/setuid_sandbox_host|No usable sandbox|zygote_host_impl_linux/.test(stderr)) {
    return "Chromium's sandbox did not start: set up its helper with `sudo chown root:root node_modules/electron/dist/chrome-sandbox && sudo chmod 4755 node_modules/electron/dist/chrome-sandbox`.";
  }
  return undefined;
}
