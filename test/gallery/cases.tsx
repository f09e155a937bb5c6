import type { GalleryCase } from './case';
import { chatCases } from './cases-chat';
import { dashboardCases } from './cases-dashboard';
import { setupCases } from './cases-setup';
import { shellCases } from './cases-shell';
import { uiCases } from './cases-ui';

export const cases: readonly GalleryCase[] = [
  ...uiCases,
  ...setupCases,
  ...chatCases,
  ...dashboardCases,
  ...shellCases,
];
