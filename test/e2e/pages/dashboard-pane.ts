import { expect, type Locator, type Page } from '@playwright/test';

/** What the sandbox uses. */
export class DashboardPane {
  readonly root: Locator;
  readonly log: Locator;

  constructor(page: Page) {
    this.root = page.locator('[data-pane="dashboard"]');
    this.log = this.root.getByRole('log', { name: 'Container log' });
  }

  section(title: string): Locator {
    return this.root.getByRole('region', { name: title });
  }

  /** The number beside a chart's title. */
  value(chart: string): Locator {
    return this.root.getByRole('figure', { name: chart, exact: true }).locator('output').first();
  }

  gpu(): Locator {
    return this.root.getByRole('article', { name: /^GPU 0/ });
  }

  async showLog(): Promise<void> {
    await this.root.getByRole('radio', { name: 'Log' }).click();
    await expect(this.log).toBeVisible();
  }

  async showOverview(): Promise<void> {
    await this.root.getByRole('radio', { name: 'Overview' }).click();
  }
}
