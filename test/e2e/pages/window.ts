import { expect, type Locator, type Page } from '@playwright/test';

export type PaneTitle = 'Terminal' | 'Chat' | 'Dashboard' | 'Sandbox';

/** The window as a whole: the bar on top and what may lie over everything. */
export class Window {
  readonly panes: Locator;
  readonly announcedPhase: Locator;
  readonly connectionLost: Locator;
  readonly stateLine: Locator;
  readonly notices: Locator;

  constructor(private readonly page: Page) {
    this.panes = page.getByRole('navigation', { name: 'Panes' });
    this.announcedPhase = page.getByRole('status').filter({ hasText: /^Sandbox: / });
    this.connectionLost = page.getByRole('alert').filter({ hasText: 'The connection to the host is lost' });
    this.stateLine = page
      .getByRole('status')
      .filter({ has: page.getByRole('button', { name: /What to do|Set it up/ }) });
    this.notices = page.getByRole('alert');
  }

  async waitForPhase(label: string, timeoutMs?: number): Promise<void> {
    await expect(this.announcedPhase).toHaveText(`Sandbox: ${label}`, { timeout: timeoutMs });
  }

  async show(pane: PaneTitle): Promise<void> {
    const button = this.panes.getByRole('button', { name: pane });
    if ((await button.getAttribute('aria-pressed')) !== 'true') await button.click();
    await expect(button).toHaveAttribute('aria-pressed', 'true');
  }

  async hide(pane: PaneTitle): Promise<void> {
    const button = this.panes.getByRole('button', { name: pane });
    if ((await button.getAttribute('aria-pressed')) === 'true') await button.click();
    await expect(button).toHaveAttribute('aria-pressed', 'false');
  }

  async stopSandbox(): Promise<void> {
    await this.page.getByRole('banner').first().getByRole('button', { name: 'Stop', exact: true }).click();
  }

  async startSandbox(): Promise<void> {
    await this.page.getByRole('banner').first().getByRole('button', { name: 'Start', exact: true }).click();
  }

  /** Chooses an entry of the command palette. */
  async command(title: string): Promise<void> {
    await this.page.keyboard.press('Control+Shift+P');
    await this.page.getByPlaceholder('Type what you want to do…').fill(title);
    await this.page.getByRole('option', { name: title }).first().click();
  }
}
