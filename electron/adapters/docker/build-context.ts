import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { LmError } from '../../contract';
import type { BuildContextSource } from '../../services/container/ports';

/** What of the docker folder goes into the image; Compose files, charts and documents beside it do not. */
const builtFolders = ['gateway', 'image'];
const certificatesPath = 'image/extra-ca-certificates';
const systemCertificatesFolder = '/usr/local/share/ca-certificates';
const maxCertificateBytes = 1024 * 1024;
// Left by development; they would change the hash and fill the context.
const ignoredNames =
  /^(__pycache__|\.pytest_cache|\.ruff_cache|\.mypy_cache|\.venv|node_modules|.*\.pyc|.*\.egg-info)$/;

// Only for the image's test stage, which this app does not build; a changed test makes no image outdated.
const testPaths = /^gateway\/(tests|requirements-test\..*)$/;

interface ContextFile {
  /** With slashes, from the docker folder. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link';
  readonly mode: number;
  readonly sizeBytes: number;
}

/**
 * The docker folder as a build context, the same bytes for the same files whatever their times and owners.
 * @param dockerFolder In a checkout `docker`, in the packaged app `resources/docker`.
 */
export function createBuildContext(
  dockerFolder: string,
  certificatesOfSystem = systemCertificatesFolder,
): BuildContextSource {
  return {
    revision: async () => {
      const hash = createHash('sha256');
      for (const file of await listFiles(dockerFolder)) {
        hash.update(`${file.path}\0${file.kind}\0${file.mode & 0o111 ? 'x' : '-'}\0`);
        if (file.kind === 'file') hash.update(await readFile(join(dockerFolder, file.path)));
        if (file.kind === 'link') hash.update(await readlink(join(dockerFolder, file.path)));
        hash.update('\0');
      }
      return hash.digest('hex').slice(0, 16);
    },
    open: async (certificatesFolder) => {
      const certificates = await readCertificates(certificatesFolder, certificatesOfSystem);
      const files = await listFiles(dockerFolder);
      const tar = pack();
      fill(tar, dockerFolder, files, certificates).then(
        () => tar.finalize(),
        (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
      );
      // tar-stream's own kind of stream is not one of Node's.
      const stream = Readable.from(tar, { objectMode: false });
      return { stream, certificates: certificates.map((certificate) => certificate.name) };
    },
  };
}

async function listFiles(dockerFolder: string): Promise<ContextFile[]> {
  const files: ContextFile[] = [];
  const walk = async (folder: string): Promise<void> => {
    const names = (await readdir(folder)).sort();
    for (const name of names) {
      if (ignoredNames.test(name)) continue;
      const place = join(folder, name);
      const path = relative(dockerFolder, place).split(sep).join('/');
      // Certificates of this computer may lie there from builds by hand; a build brings its own.
      if (path === certificatesPath || testPaths.test(path)) continue;
      const facts = await lstat(place);
      const common = { path, mode: facts.mode & 0o777, sizeBytes: facts.size };
      if (facts.isDirectory()) {
        files.push({ ...common, kind: 'folder' });
        await walk(place);
      } else if (facts.isSymbolicLink()) files.push({ ...common, kind: 'link' });
      else if (facts.isFile()) files.push({ ...common, kind: 'file' });
    }
  };
  for (const folder of builtFolders) await walk(join(dockerFolder, folder));
  return files;
}

async function fill(
  stream: Pack,
  dockerFolder: string,
  files: readonly ContextFile[],
  certificates: readonly Certificate[],
): Promise<void> {
  // No times, no owners, and the permission bits that git keeps: the engine's cache then depends on content
  // alone. Its folder permissions end in the image, so a strict umask of the builder must not.
  const common = { mtime: new Date(0), uid: 0, gid: 0 };
  for (const file of files) {
    const place = join(dockerFolder, file.path);
    if (file.kind === 'folder') {
      stream.entry({ ...common, name: `${file.path}/`, type: 'directory', mode: 0o755 });
    } else if (file.kind === 'link') {
      stream.entry({ ...common, name: file.path, type: 'symlink', linkname: await readlink(place) });
    } else {
      const mode = file.mode & 0o111 ? 0o755 : 0o644;
      const entry = stream.entry({ ...common, name: file.path, size: file.sizeBytes, mode });
      await pipeline(createReadStream(place), entry);
    }
  }
  // Always there, because the Dockerfile copies it, and no version control keeps an empty folder.
  stream.entry({ ...common, name: `${certificatesPath}/`, type: 'directory', mode: 0o755 });
  for (const certificate of certificates) {
    const name = `${certificatesPath}/${certificate.name}`;
    stream.entry({ ...common, name, mode: 0o644 }, certificate.text);
  }
}

interface Certificate {
  readonly name: string;
  readonly text: string;
}

async function readCertificates(folder: string | null, systemFolder: string): Promise<Certificate[]> {
  let names: string[];
  try {
    names = await readdir(folder ?? systemFolder);
  } catch (error) {
    // Without a setting there need not be any; a folder that the person named has to be there.
    if (folder === null) return [];
    throw new LmError('not_found', `The folder with extra certificates cannot be read: ${folder}.`, {
      repair: { text: 'Correct "Folder with extra CA certificates" in the settings, or empty it.' },
      cause: error,
    });
  }
  const certificates: Certificate[] = [];
  for (const name of names.filter((candidate) => candidate.endsWith('.crt')).sort()) {
    const place = join(folder ?? systemFolder, name);
    const text = await readCertificate(place);
    if (!/-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(text)) {
      throw new LmError('invalid_input', `${place} is not a certificate in PEM form.`, {
        repair: {
          text: 'Convert it, or remove it from the folder.',
          command: `openssl x509 -in ${place} -out ${place}`,
        },
      });
    }
    certificates.push({ name, text });
  }
  return certificates;
}

async function readCertificate(place: string): Promise<string> {
  const data = await readFile(place);
  if (data.byteLength > maxCertificateBytes) {
    throw new LmError('too_large', `${place} is too large for a certificate.`);
  }
  return new TextDecoder().decode(data);
}
