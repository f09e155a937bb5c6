import { expect, type Locator, type Page } from '@playwright/test';

/** The settings, saved as a whole. */
export class SettingsDialog {
  readonly root: Locator;

  constructor(private readonly page: Page) {
    this.root = page.getByRole('dialog', { name: 'Settings' });
  }

  async open(): Promise<void> {
    await this.page.getByRole('button', { name: 'Settings', exact: true }).click();
    await expect(this.root).toBeVisible();
  }

  async showGroup(
    name: 'Appearance and terminal' | 'Sandbox' | 'Engine and build' | 'Browser access',
  ): Promise<void> {
    await this.root.getByRole('tab', { name }).click();
  }

  field(label: string): Locator {
    return this.root.getByRole('textbox', { name: label });
  }

  async save(): Promise<void> {
    await this.root.getByRole('button', { name: 'Save' }).click();
    await expect(this.root).toBeHidden();
  }
}
