import type { GalleryCase } from './case';
import { chatCases } from './cases-chat';
import { dashboardCases } from './cases-dashboard';
import { settingsCases } from './cases-settings';
import { setupCases } from './cases-setup';
import { shellCases } from './cases-shell';
import { uiCases } from './cases-ui';

export const cases: readonly GalleryCase[] = [
  ...uiCases,
  ...setupCases,
  ...settingsCases,
  ...chatCases,
  ...dashboardCases,
  ...shellCases,
];
