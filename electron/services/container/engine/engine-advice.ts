import type { EngineInformation } from '../ports';
import { isOlder } from './gpu-plan';

/** Plain sentences on what a careful person would change about this engine; the engine's own come first. */
export function engineWarnings(information: EngineInformation): string[] {
  const warnings = [...information.warnings];
  if (information.product === 'docker' && isOlder(information.version, [29, 4, 3])) {
    warnings.push(
      `Docker Engine ${information.version} is older than 29.4.3, the first whose default profiles refuse the kernel's AF_ALG sockets.`,
    );
  }
  const runc = information.runcVersion;
  if (runc !== null && isOldRunc(runc)) {
    warnings.push(
      `runc ${runc} is older than 1.3.6 and 1.4.3, which mend container escapes (your distribution may have mended them in its own version).`,
    );
  }
  const seccomp = information.securityOptions.find((option) => option.startsWith('name=seccomp'));
  if (information.product === 'docker' && seccomp === undefined) {
    warnings.push('This engine runs without seccomp, so programs in the sandbox reach every system call.');
  } else if (seccomp !== undefined && /profile=unconfined/.test(seccomp)) {
    warnings.push(
      'This engine is set to seccomp profile "unconfined"; the sandbox relies on the default one.',
    );
  }
  return warnings;
}

function isOldRunc(version: string): boolean {
  return isOlder(version, [1, 4]) ? isOlder(version, [1, 3, 6]) : isOlder(version, [1, 4, 3]);
}
