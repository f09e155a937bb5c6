import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { KernelFacts } from './refusals';

export async function readKernelFacts(asRoot: boolean): Promise<KernelFacts> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => null);
  const [osRelease, apparmor, clone, max] = await Promise.all([
    read('/etc/os-release'),
    read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    read('/proc/sys/kernel/unprivileged_userns_clone'),
    read('/proc/sys/user/max_user_namespaces'),
  ]);
  return {
    platform: process.platform,
    asRoot,
    distribution: distributionOf(osRelease ?? ''),
    apparmorRestricts: apparmor?.trim() === '1',
    userNamespacesAllowed: clone === null ? null : clone.trim() !== '0',
    maxUserNamespaces: max === null ? null : Number(max),
    inContainer: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
  };
}

/** `ID` first, then what it is like. */
export function distributionOf(osRelease: string): string[] {
  const field = (name: string) =>
    new RegExp(`^${name}=(.*)$`, 'm').exec(osRelease)?.[1]?.replaceAll(/["']/g, '').split(/\s+/) ?? [];
  return [...field('ID'), ...field('ID_LIKE')].filter((word) => word !== '');
}
