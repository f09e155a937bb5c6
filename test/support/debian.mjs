/**
 * Packages of another Debian release, fetched and unpacked beside the running system instead of into it.
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './process.mjs';
import { Unavailable } from './report.mjs';

const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The release that has a modern engine, llama.cpp and a C library new enough for both. */
export const MODERN_RELEASE = 'forky';

/**
 * Finds the Debian mirror that a machine uses, in either format of its apt sources.
 * @param {readonly string[]} sources The texts of sources.list and sources.list.d/*.
 * @returns {string} Without a slash at the end; Debian's own address when none is named.
 */
export function findMirror(sources) {
  for (const text of sources) {
    for (const raw of text.split('\n')) {
      const line = raw.trim();
      if (line.startsWith('#')) continue;
      const uri = /^(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(https?:\/\/\S+)/i.exec(line)?.[1];
      if (uri !== undefined && /\/debian\/?$/.test(uri)) return uri.replace(/\/$/, '');
    }
  }
  return DEFAULT_MIRROR;
}

/** @returns {Promise<string>} The Debian mirror of this machine. */
export async function debianMirror() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? (await readdir(folder)).sort().map((name) => join(folder, name)) : [];
  const texts = [];
  for (const file of ['/etc/apt/sources.list', ...files]) {
    if (existsSync(file) && /\.(list|sources)$/.test(file)) texts.push(await readFile(file, 'utf8'));
  }
  return findMirror(texts);
}

/**
 * Downloads packages of the modern release (signatures checked by apt against Debian's keyring) and unpacks
 * them into a folder. Nothing is installed and the machine's own package index stays as it is.
 * @param {readonly string[]} packages
 * @param {string} folder
 * @returns {Promise<void>}
 */
export async function unpackModernPackages(packages, folder) {
  if (!existsSync(KEYRING)) {
    throw new Unavailable(
      "Debian's signing keys are missing.",
      'sudo apt-get install debian-archive-keyring',
    );
  }
  const work = join(folder, '.apt');
  for (const name of ['lists/partial', 'cache/archives/partial', 'debs']) {
    await mkdir(join(work, name), { recursive: true });
  }
  const sources = join(work, 'sources.list');
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${await debianMirror()} ${MODERN_RELEASE} main\n`);
  const options = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Etc::Preferences=/dev/null',
    'Dir::Etc::PreferencesParts=/dev/null',
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    // A mirror may lag some days behind the index's declared life; the signature is still checked.
    'Acquire::Check-Valid-Until=false',
    'Acquire::Languages=none',
    // Only the main index is wanted, not the software centre's pictures.
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', [...options, 'update']);
  await run('apt-get', [...options, 'download', ...packages], { cwd: join(work, 'debs') });
  for (const name of await readdir(join(work, 'debs'))) {
    await run('dpkg', ['-x', join(work, 'debs', name), folder]);
  }
  await rm(work, { recursive: true });
}
