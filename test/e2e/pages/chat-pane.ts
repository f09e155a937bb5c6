import { basename } from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';

/** Conversations, and the dialog that brings models into the sandbox. */
export class ChatPane {
  readonly root: Locator;
  readonly question: Locator;
  readonly stopButton: Locator;
  readonly answers: Locator;
  readonly lastAnswer: Locator;
  readonly questions: Locator;
  readonly conversations: Locator;
  readonly modelButton: Locator;
  readonly models: Locator;
  readonly error: Locator;

  constructor(private readonly page: Page) {
    this.root = page.locator('[data-pane="chat"]');
    this.question = this.root.getByRole('textbox', { name: 'Question' });
    this.stopButton = this.root.getByRole('button', { name: 'Stop the answer' });
    this.answers = this.root.getByRole('article', { name: 'Answer' });
    this.lastAnswer = this.answers.last();
    this.questions = this.root.getByRole('article', { name: 'Your question' });
    this.conversations = this.root.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem');
    this.modelButton = this.root.getByRole('button', { name: /^(Model: |Choose a model)/ });
    this.models = page.getByRole('dialog', { name: 'Models' });
    this.error = this.root.getByRole('alert');
  }

  async ask(text: string): Promise<void> {
    await this.question.fill(text);
    await this.question.press('Enter');
  }

  /** Tokens a second, time to the first token and the like, shown when an answer has ended. */
  get metrics(): Locator {
    return this.lastAnswer.locator('footer');
  }

  async waitForAnswer(timeoutMs = 120_000): Promise<void> {
    await expect(this.lastAnswer).toHaveAttribute('aria-busy', 'false', { timeout: timeoutMs });
  }

  async startConversation(): Promise<void> {
    await this.root.getByRole('button', { name: 'New conversation' }).first().click();
    await expect(this.answers).toHaveCount(0);
  }

  /** The same words at each run: the likeliest token is always taken. */
  async setTemperature(value: string): Promise<void> {
    await this.root.getByRole('button', { name: /^Answer settings/ }).click();
    await this.page.getByRole('textbox', { name: 'Temperature' }).fill(value);
    await this.page.keyboard.press('Escape');
    await expect(this.root.getByRole('button', { name: 'Answer settings (changed)' })).toBeVisible();
  }

  async showConversations(): Promise<void> {
    const button = this.root.getByRole('button', { name: /^(Show|Hide) the conversations$/ });
    // In a pane that has just become narrow the list closes by itself.
    await expect(async () => {
      if ((await button.getAttribute('aria-pressed')) !== 'true') await button.click();
      await expect(this.conversations.first()).toBeVisible({ timeout: 2_000 });
    }).toPass();
  }

  async hideConversations(): Promise<void> {
    const button = this.root.getByRole('button', { name: /^(Show|Hide) the conversations$/ });
    // A window that has just become wide or narrow shows the list, or closes it, between the look and the click.
    await expect(async () => {
      if ((await button.getAttribute('aria-pressed')) === 'true') await button.click();
      await expect(this.conversations.first()).toBeHidden({ timeout: 2_000 });
    }).toPass();
  }

  async openModels(): Promise<void> {
    await this.modelButton.click();
    await this.page.getByRole('menuitem', { name: 'Pull, import and manage models…' }).click();
    await expect(this.models).toBeVisible();
  }

  async closeModels(): Promise<void> {
    await this.models.getByRole('button', { name: 'Close' }).first().click();
    await expect(this.models).toBeHidden();
  }

  /** Hands a file to the dialog's file field, as the system's file chooser does. */
  async importFile(file: string): Promise<void> {
    await this.models.getByLabel('GGUF file').setInputFiles(file);
  }

  /** The row of a model that lies in the sandbox. */
  modelRow(name: string | RegExp): Locator {
    return this.models
      .getByRole('region', { name: 'Models in the sandbox' })
      .getByRole('listitem')
      .filter({ hasText: name });
  }

  job(name: string): Locator {
    return this.models.getByRole('region', { name: 'Jobs' }).getByRole('listitem').filter({ hasText: name });
  }

  async importAndWait(file: string): Promise<void> {
    await this.openModels();
    await this.importFile(file);
    await expect(this.modelRow(basename(file).replace(/\.gguf$/, ''))).toBeVisible({ timeout: 120_000 });
    await this.closeModels();
  }

  async chooseModel(name: string | RegExp): Promise<void> {
    await this.modelButton.click();
    await this.page.getByRole('menuitem', { name }).first().click();
    await expect(this.modelButton).toHaveAccessibleName(name);
  }
}
