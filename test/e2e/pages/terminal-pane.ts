import { expect, type Locator, type Page } from '@playwright/test';

/** The shells in their tabs. */
export class TerminalPane {
  readonly root: Locator;
  readonly tabs: Locator;
  /** What is clicked to type. */
  readonly surface: Locator;
  /** The text that stands on the screen. */
  readonly screen: Locator;
  readonly endBar: Locator;
  readonly error: Locator;
  readonly newButton: Locator;

  constructor(private readonly page: Page) {
    this.root = page.locator('[data-pane="terminal"]');
    this.tabs = this.root.getByRole('tab');
    const panel = this.root.getByRole('tabpanel');
    this.surface = panel.locator('.xterm-screen');
    this.screen = panel.locator('.xterm-rows');
    this.endBar = panel.getByRole('status');
    this.error = this.root.getByRole('alert');
    this.newButton = this.root.getByRole('button', { name: 'New terminal' }).first();
  }

  /** A shell has written its prompt and waits. */
  async waitForPrompt(): Promise<void> {
    await expect(this.screen).toContainText(/[$#]\s*$/);
  }

  /** Types a command and Enter, as a person does. */
  async run(command: string): Promise<void> {
    await this.surface.click();
    await this.page.keyboard.type(command);
    await this.page.keyboard.press('Enter');
  }

  /** Runs a command and waits for a line that matches; the command must not contain the line itself. */
  async runAndExpect(command: string, line: RegExp | string): Promise<void> {
    await this.run(command);
    await expect(this.screen).toContainText(line);
  }

  /** Rows and columns as the program in the shell sees them. */
  async sizeInShell(): Promise<{ rows: number; columns: number }> {
    const mark = `s${Math.random().toString(36).slice(2, 8)}`;
    // The mark is written in two pieces, so that the echo of the command is not taken for its answer.
    await this.run(`echo ${mark.slice(0, 3)}''${mark.slice(3)}=$(stty size | tr ' ' x)`);
    const pattern = new RegExp(`${mark}=(\\d+)x(\\d+)`);
    await expect(this.screen).toContainText(pattern);
    const [, rows, columns] = pattern.exec(await this.text()) ?? [];
    return { rows: Number(rows), columns: Number(columns) };
  }

  async text(): Promise<string> {
    return (await this.screen.innerText()).replaceAll('\u00a0', ' ');
  }
}
