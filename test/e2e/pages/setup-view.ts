import { expect, type Locator, type Page } from '@playwright/test';

/** The way from nothing to a running sandbox. */
export class SetupView {
  readonly heading: Locator;
  readonly engine: Locator;
  readonly image: Locator;
  readonly sandbox: Locator;
  readonly buildButton: Locator;
  readonly buildProgress: Locator;
  readonly buildSteps: Locator;
  readonly gpuCard: Locator;
  readonly cpuCard: Locator;
  readonly createButton: Locator;
  readonly startButton: Locator;
  readonly parts: Locator;
  readonly openWorkspaceButton: Locator;

  constructor(private readonly page: Page) {
    this.heading = page.getByRole('heading', { name: 'Set up the sandbox' });
    const step = (title: string) =>
      page
        .getByRole('listitem')
        .filter({ has: page.getByRole('heading', { name: new RegExp(`^${title}`) }) });
    this.engine = step('Container engine');
    this.image = step('Sandbox image');
    this.sandbox = step('Sandbox ?,');
    this.buildButton = this.image.getByRole('button', { name: /^Build( image| again| the new image)$/ });
    this.buildProgress = this.image.getByRole('progressbar', { name: 'Building the image' });
    this.buildSteps = this.image.getByRole('list', { name: 'Steps of the build' }).getByRole('listitem');
    this.gpuCard = this.sandbox.getByRole('radio', { name: /NVIDIA GPU/ });
    this.cpuCard = this.sandbox.getByRole('radio', { name: /CPU only/ });
    this.createButton = this.sandbox.getByRole('button', { name: 'Create and start' });
    this.startButton = this.sandbox.getByRole('button', { name: 'Start', exact: true });
    this.parts = this.sandbox.getByRole('list', { name: 'Parts of the sandbox' });
    this.openWorkspaceButton = page.getByRole('button', { name: 'Open the workspace' });
  }

  /** The failure shown in a step, with its repair. */
  errorOf(step: Locator): Locator {
    return step.getByRole('alert');
  }

  /**
   * Notes from now on what the page says of a build. A build whose steps all are in the engine's cache passes in a
   * second, too quick for looks from outside.
   */
  async noteBuild(): Promise<{ read(): Promise<{ progress: string[]; steps: string[] }> }> {
    const notes = await this.page.evaluateHandle(() => {
      const seen = { progress: new Set<string>(), steps: new Set<string>() };
      const look = () => {
        const bar = document.querySelector('[role="progressbar"][aria-label="Building the image"]');
        const text = bar?.getAttribute('aria-valuetext');
        if (text) seen.progress.add(text);
        for (const step of document.querySelectorAll('[aria-label="Steps of the build"] > li')) {
          if (step.textContent) seen.steps.add(step.textContent);
        }
      };
      new MutationObserver(look).observe(document.body, {
        subtree: true,
        childList: true,
        attributes: true,
        characterData: true,
      });
      return seen;
    });
    return {
      read: () => notes.evaluate(({ progress, steps }) => ({ progress: [...progress], steps: [...steps] })),
    };
  }

  /** Creates the sandbox for GPU or CPU and goes on to the panes once it runs. */
  async createAndOpen(choice: 'GPU' | 'CPU'): Promise<void> {
    const card = choice === 'GPU' ? this.gpuCard : this.cpuCard;
    await card.click();
    await expect(card).toBeChecked();
    await this.createButton.click();
    await this.openWorkspaceButton.click({ timeout: 120_000 });
    await expect(this.heading).toBeHidden();
  }
}
