/**
 * Fuses: switches inside the Electron binary, of which each Electron version knows some.
 * @module
 */

/** electron-builder's names of the fuses, in the order of the wire inside the binary. */
export const FUSE_NAMES = [
  'runAsNode',
  'enableCookieEncryption',
  'enableNodeOptionsEnvironmentVariable',
  'enableNodeCliInspectArguments',
  'enableEmbeddedAsarIntegrityValidation',
  'onlyLoadAppFromAsar',
  'loadBrowserProcessSpecificV8Snapshot',
  'grantFileProtocolExtraPrivileges',
];

/**
 * Leaves out the fuses that a binary has no place for; to set one of them is an error.
 * @param {Readonly<Record<string, boolean>>} wanted By electron-builder's names.
 * @param {number} wireLength How many fuses the binary has.
 * @returns {{ fuses: Record<string, boolean>, leftOut: string[] }}
 * @throws {Error} For a name that is none.
 */
export function fitFuses(wanted, wireLength) {
  /** @type {Record<string, boolean>} */
  const fuses = {};
  const leftOut = [];
  for (const [name, value] of Object.entries(wanted)) {
    const place = FUSE_NAMES.indexOf(name);
    if (place < 0) throw new Error(`electron-builder.yml names the unknown fuse ${name}.`);
    if (place < wireLength) fuses[name] = value;
    else leftOut.push(name);
  }
  return { fuses, leftOut };
}
