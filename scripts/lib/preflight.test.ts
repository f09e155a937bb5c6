import { describe, expect, it } from 'vitest';
import {
  explainElectronEnd,
  findNodeObstacle,
  findObstacle,
  findSandboxObstacle,
  findServing,
} from './preflight.mjs';

const desktop = {
  platform: 'linux',
  hasDisplay: true,
  isRoot: false,
  acceptsNoSandbox: false,
  usersCanMakeNamespaces: true,
  appArmorRestrictsNamespaces: false,
} as const;
const electron = { helper: '/electron/chrome-sandbox', helperIsSetuid: false, hasAppArmorProfile: false };

describe('what is in the way of a start', () => {
  it.each([
    ['20.19.0', undefined],
    ['20.19.1', undefined],
    ['24.0.0', undefined],
    ['20.18.9', 'Node 20.18.9 is too old'],
    ['18.20.4', 'Node 18.20.4 is too old'],
  ])('Node %s is judged by every part of its version', (version, expected) => {
    const line = findNodeObstacle(version, '>=20.19.0');
    if (expected === undefined) expect(line).toBeUndefined();
    else expect(line).toContain(expected);
  });

  it('is nothing on an ordinary desktop, and on other systems than Linux', () => {
    expect(findObstacle(desktop)).toBeUndefined();
    expect(findObstacle({ ...desktop, platform: 'darwin', hasDisplay: false })).toBeUndefined();
    expect(findServing([], desktop)).toBeUndefined();
    expect(findServing([], { ...desktop, platform: 'darwin', hasDisplay: false })).toBeUndefined();
    expect(findSandboxObstacle(desktop, electron)).toBeUndefined();
  });

  it('root is said in one line with its repair', () => {
    const line = findObstacle({ ...desktop, isRoot: true });
    expect(line).toMatch(/as root.*LM_SANDBOX_NO_CHROMIUM_SANDBOX=1 npm start.*npm start -- --serve/);
    expect(line).not.toContain('\n');
  });

  it('a missing display is no obstacle: browsers are served, and that is said', () => {
    const machine = { ...desktop, hasDisplay: false, isRoot: true };
    expect(findServing([], machine)?.reason).toMatch(/no display.*browsers are served/);
    expect(findServing(['--serve'], machine)).toEqual({ reason: undefined });
    expect(findServing(['--link'], desktop)).toEqual({ reason: undefined });
  });

  it('root that accepts to run without the sandbox may start', () => {
    expect(findObstacle({ ...desktop, isRoot: true, acceptsNoSandbox: true })).toBeUndefined();
  });

  it.each([
    [
      'AppArmor as on Ubuntu 24.04',
      { appArmorRestrictsNamespaces: true },
      'apparmor_restrict_unprivileged_userns=1',
    ],
    ['a kernel without user namespaces', { usersCanMakeNamespaces: false }, 'lets no user make namespaces'],
  ])('%s is named, unless the helper is set up', (_title, change, expected) => {
    const line = findSandboxObstacle({ ...desktop, ...change }, electron);
    expect(line).toContain(expected);
    expect(line).toContain("sudo chmod 4755 '/electron/chrome-sandbox'");
    expect(
      findSandboxObstacle({ ...desktop, ...change }, { ...electron, helperIsSetuid: true }),
    ).toBeUndefined();
  });

  it('AppArmor with a profile for this Electron is not in the way', () => {
    const machine = { ...desktop, appArmorRestrictsNamespaces: true };
    expect(findSandboxObstacle(machine, { ...electron, hasAppArmorProfile: true })).toBeUndefined();
  });

  it.each([
    ['ERROR:ozone_platform_x11.cc(240)] Missing X server or $DISPLAY', /display did not answer/],
    [
      'electron: error while loading shared libraries: libnss3.so: cannot open',
      /libnss3\.so.*apt-get install/,
    ],
    ['FATAL:setuid_sandbox_host.cc(157)] The SUID sandbox helper', /sandbox did not start.*chmod 4755/],
    ['something else', undefined],
  ])('the last words "%s" are explained', (stderr, expected) => {
    const line = explainElectronEnd(stderr);
    if (expected === undefined) expect(line).toBeUndefined();
    else expect(line).toMatch(expected);
  });
});
