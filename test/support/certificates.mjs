/**
 * Certificates for tests: the ones this machine trusts beyond the usual, which image builds behind an
 * inspecting proxy need, and an authority of the tests' own, under which a local registry speaks TLS.
 * @module
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isIP } from 'node:net';
import { ensureArtefact, hashFile } from './cache.mjs';
import { run } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/** Where Debian and Ubuntu keep the certificates that an administrator added. */
const MACHINE_FOLDER = '/usr/local/share/ca-certificates';
const AUTHORITY_NAME = 'lm-sandbox-test-authority';
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 30;

/** @returns {Promise<string>} A folder with the authority's `authority.crt` and `authority.key`. */
async function ensureAuthority() {
  return ensureArtefact({
    name: 'test-authority',
    key: 'layout-1',
    describe: 'a certificate authority for tests',
    make: async (folder) => {
      await ensureSystemPackages(['registry']);
      await run('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-days', String(AUTHORITY_DAYS), '-subj', `/CN=${AUTHORITY_NAME}`],
        ...[
          '-addext',
          'basicConstraints=critical,CA:TRUE',
          '-addext',
          'keyUsage=critical,keyCertSign,cRLSign',
        ],
        ...['-keyout', join(folder, 'authority.key'), '-out', join(folder, 'authority.crt')],
      ]);
    },
  });
}

/**
 * @param {readonly string[]} hosts Names and addresses that the certificate is for.
 * @returns {Promise<{ key: string, certificate: string, authority: string }>} PEM texts.
 */
export async function issueCertificate(hosts) {
  const authority = await ensureAuthority();
  const work = await mkdtemp(join(tmpdir(), 'lm-sandbox-certificate-'));
  try {
    const names = hosts.map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`).join(',');
    await run('openssl', [
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', `/CN=${hosts[0]}`, '-keyout', join(work, 'key'), '-out', join(work, 'request')],
    ]);
    await writeFile(
      join(work, 'extensions'),
      `subjectAltName=${names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n`,
    );
    await run('openssl', [
      ...['x509', '-req', '-in', join(work, 'request'), '-days', String(SERVER_DAYS)],
      ...[
        '-CA',
        join(authority, 'authority.crt'),
        '-CAkey',
        join(authority, 'authority.key'),
        '-CAcreateserial',
      ],
      ...[
        '-CAserial',
        join(work, 'serial'),
        '-extfile',
        join(work, 'extensions'),
        '-out',
        join(work, 'certificate'),
      ],
    ]);
    return {
      key: await readFile(join(work, 'key'), 'utf8'),
      certificate: await readFile(join(work, 'certificate'), 'utf8'),
      authority: await readFile(join(authority, 'authority.crt'), 'utf8'),
    };
  } finally {
    await rm(work, { recursive: true });
  }
}

/**
 * What an image build for tests must trust: this machine's additional authorities and the tests' own.
 * @returns {Promise<string>} A folder of `*.crt` files, stable as long as its content is.
 */
export async function ensureExtraCertificates() {
  const authority = join(await ensureAuthority(), 'authority.crt');
  const files = existsSync(MACHINE_FOLDER)
    ? (await readdir(MACHINE_FOLDER)).filter((name) => name.endsWith('.crt')).sort()
    : [];
  const hashes = [await hashFile(authority, 'sha256', 'hex')];
  for (const name of files) hashes.push(await hashFile(join(MACHINE_FOLDER, name), 'sha256', 'hex'));
  return ensureArtefact({
    name: 'extra-certificates',
    key: hashes.join(' '),
    describe: 'the folder of certificates for image builds',
    make: async (folder) => {
      await copyFile(authority, join(folder, `${AUTHORITY_NAME}.crt`));
      for (const name of files) await copyFile(join(MACHINE_FOLDER, name), join(folder, name));
    },
  });
}
