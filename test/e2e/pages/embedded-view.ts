import type { Locator, Page } from '@playwright/test';

/** The embedded sandbox, as the set-up offers it and as the sandbox view shows it. */
export class EmbeddedView {
  readonly offer: Locator;
  readonly state: Locator;
  readonly isolation: Locator;
  readonly files: Locator;
  readonly network: Locator;
  readonly containerButton: Locator;
  readonly openWorkspaceButton: Locator;
  readonly question: Locator;

  constructor(page: Page) {
    this.offer = page.getByRole('button', { name: 'Use Embedded' });
    this.state = page.getByRole('region', { name: 'State' });
    this.isolation = page.getByRole('region', { name: 'Isolation' });
    this.files = page.getByRole('region', { name: 'Files' });
    this.network = page.getByRole('switch', { name: 'Network' });
    this.containerButton = page.getByRole('button', { name: 'Use a container instead' });
    this.openWorkspaceButton = page.getByRole('button', { name: 'Open the workspace' });
    this.question = page.getByRole('alertdialog');
  }
}
