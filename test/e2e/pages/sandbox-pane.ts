import { expect, type Locator, type Page } from '@playwright/test';

/** The sandbox that is there, and what can be done with it. */
export class SandboxPane {
  readonly root: Locator;
  readonly error: Locator;
  readonly parts: Locator;

  constructor(private readonly page: Page) {
    this.root = page.locator('[data-pane="sandbox"]');
    this.error = this.root.getByRole('alert');
    this.parts = this.root.getByRole('list', { name: 'Parts of the sandbox' });
  }

  fact(name: string): Locator {
    return this.root
      .locator('dt', { hasText: new RegExp(`^${name}$`) })
      .locator('xpath=following-sibling::dd[1]');
  }

  async recreate(choice: 'GPU' | 'CPU'): Promise<void> {
    await this.root
      .getByRole('region', { name: 'Replace or remove' })
      .getByRole('button', { name: 'Recreate…' })
      .click();
    const dialog = this.page.getByRole('dialog', { name: 'Recreate the sandbox?' });
    const card = dialog.getByRole('radio', { name: choice === 'GPU' ? /NVIDIA GPU/ : /CPU only/ });
    await card.click();
    await expect(card).toBeChecked();
    await dialog.getByRole('button', { name: 'Recreate', exact: true }).click();
    await expect(dialog).toBeHidden();
  }
}
