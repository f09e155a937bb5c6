import type { Locator, Page } from '@playwright/test';

/** The embedded sandbox, as the set-up offers it and as the sandbox view shows it. */
export class EmbeddedView {
  readonly offer: Locator;
  readonly state: Locator;
  readonly isolation: Locator;
  readonly files: Locator;
  readonly network: Locator;
  readonly api: Locator;
  readonly apiSwitch: Locator;
  readonly apiAddress: Locator;
  readonly apiToken: Locator;
  readonly containerButton: Locator;
  readonly openWorkspaceButton: Locator;
  readonly question: Locator;

  constructor(page: Page) {
    this.offer = page.getByRole('button', { name: 'Use Embedded' });
    this.state = page.getByRole('region', { name: 'State' });
    this.isolation = page.getByRole('region', { name: 'Isolation' });
    this.files = page.getByRole('region', { name: 'Files' });
    this.network = page.getByRole('switch', { name: 'Network' });
    this.api = page.getByRole('region', { name: 'HTTP API' });
    this.apiSwitch = this.api.getByRole('switch', { name: 'HTTP API' });
    this.apiAddress = this.api.locator('dt', { hasText: 'Address' }).locator('+ dd');
    this.apiToken = this.api.locator('dt', { hasText: 'Token' }).locator('+ dd');
    this.containerButton = page.getByRole('button', { name: 'Use a container instead' });
    this.openWorkspaceButton = page.getByRole('button', { name: 'Open the workspace' });
    this.question = page.getByRole('alertdialog');
  }
}
