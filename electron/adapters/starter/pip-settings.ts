import { existsSync, readFileSync } from 'node:fs';
import { devNull, homedir } from 'node:os';
import path from 'node:path';

/** What a person or an administrator has told pip about this computer's way to packages. */
export interface PipSettings {
  /** Tried in this order; empty where pip may ask no index. */
  readonly indexUrls: readonly string[];
  /** Folders and pages that hold packages. */
  readonly findLinks: readonly string[];
  /** `host` or `host:port`, whose certificates are not checked. */
  readonly trustedHosts: readonly string[];
  /** A file of certificates (PEM) that counts instead of the system's. */
  readonly certificateFile: string | null;
  readonly proxyUrl: string | null;
  readonly timeoutMs: number;
}

/** Where the files lie; what a test replaces. */
export interface Computer {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly etc: string;
}

const defaultIndex = 'https://pypi.org/simple';
const defaultTimeoutSeconds = 15;

/**
 * Reads pip's settings as pip does for `pip download`: files for everybody, for the user, of the virtual
 * environment, the one that PIP_CONFIG_FILE names, then PIP_… variables; what comes later counts.
 * Source: pip's documentation, "Configuration", and its `_internal/configuration.py`.
 * @throws An error of Node when a file is there and cannot be read.
 */
export function readPipSettings(
  env: NodeJS.ProcessEnv,
  computer: Computer = { platform: process.platform, home: homedir(), etc: '/etc' },
): PipSettings {
  const values = new Map<string, string>();
  const files = configFiles(env, computer)
    .filter((file) => existsSync(file))
    .map((file) => parseIni(readFileSync(file, 'utf8')));
  // A command's own section outranks [global] of any file.
  for (const section of ['global', 'download']) {
    for (const file of files) {
      for (const [key, value] of file.get(section) ?? []) if (value !== '') values.set(key, value);
    }
  }
  for (const [name, value] of Object.entries(env)) {
    if (/^PIP_/i.test(name) && value) values.set(keyOf(name.slice('PIP_'.length)), value);
  }

  const list = (key: string) => (values.get(key) ?? '').split(/\s+/).filter((item) => item !== '');
  const timeoutSeconds = Number(values.get('default-timeout') ?? values.get('timeout'));
  return {
    indexUrls: isOn(values.get('no-index'))
      ? []
      : [values.get('index-url') ?? defaultIndex, ...list('extra-index-url')],
    findLinks: list('find-links'),
    trustedHosts: list('trusted-host'),
    certificateFile: values.get('cert') ?? null,
    proxyUrl: values.get('proxy') ?? null,
    timeoutMs: 1_000 * (timeoutSeconds > 0 ? timeoutSeconds : defaultTimeoutSeconds),
  };
}

/** In the order in which one overrides another. */
function configFiles(env: NodeJS.ProcessEnv, computer: Computer): readonly string[] {
  const named = env['PIP_CONFIG_FILE'];
  if (named === devNull) return [];
  const virtual = env['VIRTUAL_ENV'];
  const name = computer.platform === 'win32' ? 'pip.ini' : 'pip.conf';
  return [
    ...globalFiles(env, computer),
    // Who names a file of his own means it instead of the one in the home folder.
    ...(named && existsSync(named) ? [] : userFiles(env, computer)),
    ...(virtual ? [path.join(virtual, name)] : []),
    ...(named ? [named] : []),
  ];
}

function globalFiles(env: NodeJS.ProcessEnv, { platform, etc }: Computer): readonly string[] {
  if (platform === 'win32') return [path.join(env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'pip', 'pip.ini')];
  if (platform === 'darwin') return ['/Library/Application Support/pip/pip.conf'];
  const folders = (env['XDG_CONFIG_DIRS'] || path.join(etc, 'xdg'))
    .split(':')
    .filter((folder) => folder !== '');
  return [...folders.map((folder) => path.join(folder, 'pip', 'pip.conf')), path.join(etc, 'pip.conf')];
}

function userFiles(env: NodeJS.ProcessEnv, { platform, home }: Computer): readonly string[] {
  if (platform === 'win32') {
    const roaming = env['APPDATA'] ?? path.join(home, 'AppData', 'Roaming');
    return [path.join(home, 'pip', 'pip.ini'), path.join(roaming, 'pip', 'pip.ini')];
  }
  const library = path.join(home, 'Library', 'Application Support', 'pip');
  const folder =
    platform === 'darwin' && existsSync(library)
      ? library
      : path.join(env['XDG_CONFIG_HOME'] || path.join(home, '.config'), 'pip');
  return [path.join(home, '.pip', 'pip.conf'), path.join(folder, 'pip.conf')];
}

/** The dialect of Python's configparser: `key = value` or `key: value`, indented lines go on with the value. */
function parseIni(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | null = null;
  let key: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const title = /^\[([^\]]+)\]/.exec(line)?.[1];
    const pair = /^([^=:\s][^=:]*?)\s*[=:]\s*(.*)$/.exec(line);
    if (title !== undefined) {
      section = sections.get(title) ?? new Map<string, string>();
      sections.set(title, section);
      key = null;
    } else if (/^\s/.test(line)) {
      if (section && key !== null) section.set(key, `${section.get(key) ?? ''}\n${line.trim()}`.trim());
    } else if (pair) {
      key = keyOf(pair[1] ?? '');
      section?.set(key, (pair[2] ?? '').trim());
    }
  }
  return sections;
}

/** `INDEX_URL`, `index_url` and `--index-url` are one. */
function keyOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-').replace(/^--/, '');
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(y|yes|t|true|on|1)$/i.test(value);
}
