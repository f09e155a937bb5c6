import { describe, expect, it } from 'vitest';
import { defaultSettings, type Settings } from '../../../electron/contract';
import { changedSettings, draftOf, settingsOf } from './settings-draft';

const full: Settings = {
  ...defaultSettings,
  engineUrl: 'unix:///run/user/1000/docker.sock',
  memoryLimitBytes: 6 * 1024 ** 3,
  cpuLimit: 1.5,
  extraCertificatesFolder: '/etc/ssl/company',
};

describe('the settings form', () => {
  it.each([defaultSettings, full])('gives back the settings it was filled with', (settings) => {
    expect(settingsOf(draftOf(settings))).toEqual({ settings, problems: null });
  });

  it('takes an emptied field as none', () => {
    const draft = {
      ...draftOf(full),
      memoryLimitBytes: ' ',
      cpuLimit: '',
      engineUrl: '',
      extraCertificatesFolder: '',
    };
    expect(settingsOf(draft).settings).toEqual({
      ...full,
      memoryLimitBytes: null,
      cpuLimit: null,
      engineUrl: null,
      extraCertificatesFolder: null,
    });
  });

  it('says for each field what would be right', () => {
    const draft = {
      ...draftOf(defaultSettings),
      hostPort: '80000',
      memoryLimitBytes: '0.1',
      cpuLimit: 'many',
      pidsLimit: '',
      containerName: 'a b',
      engineUrl: '/var/run/docker.sock',
      terminalFontSize: '13.5',
    };
    expect(settingsOf(draft).problems).toEqual({
      hostPort: 'A port from 1 to 65535',
      memoryLimitBytes: 'At least 0.5 GiB, or empty for no limit',
      cpuLimit: 'A number of cores above 0, or empty for no limit',
      pidsLimit: 'A whole number from 64 to 1,000,000',
      containerName: 'Letters, digits, dot, dash and underscore, at most 64',
      engineUrl: 'Starts with unix:///, tcp:// or ssh://',
      terminalFontSize: 'A whole number from 8 to 32',
    });
  });

  it('sends only what was changed', () => {
    expect(changedSettings(full, { ...full, hostPort: 8001, cpuLimit: null })).toEqual({
      hostPort: 8001,
      cpuLimit: null,
    });
  });
});
