import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openBrowser, type Browser } from './browser';
import { startGateway, type RunningGateway } from './harness';

const PORT = 18_493;

describe('the page /docs in a browser', () => {
  let gateway: RunningGateway;
  let browser: Browser | { readonly missing: string };

  beforeAll(async () => {
    browser = await openBrowser();
    if ('missing' in browser) return;
    gateway = await startGateway(PORT);
  });
  afterAll(async () => {
    if (browser !== undefined && 'close' in browser) await browser.close();
    await gateway?.stop();
  });

  it('shows the interface without any other host, and tries out what only reads, with the token', async (context) => {
    if ('missing' in browser) return context.skip(browser.missing);
    const { page } = browser;
    const asked: string[] = [];
    const troubles: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });

    await page.goto(`${gateway.address}/docs`);
    await page.getByRole('heading', { name: /lm-sandbox gateway/ }).waitFor();
    const described = z
      .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
      .parse(await (await fetch(`${gateway.address}/docs/openapi.json`)).json());
    const operations = Object.values(described.paths).flatMap((methods) => Object.keys(methods));
    const shown = page.locator('.opblock');
    await expect.poll(() => shown.count()).toBe(operations.length);

    const version = page.locator('.opblock', { has: page.locator('[data-path="/version"]') });
    await version.locator('.opblock-summary').click();
    const answer = version.locator('.live-responses-table .response');
    const tryOut = async () => {
      await version.getByRole('button', { name: 'Execute' }).click();
      await answer.waitFor();
      return (await answer.locator('.response-col_status').innerText()).trim();
    };
    await version.getByRole('button', { name: 'Try it out' }).click();
    expect(await tryOut()).toMatch(/^401/);
    await page.getByRole('button', { name: 'Authorize', exact: true }).click();
    await page.locator('.auth-container input').fill(gateway.token);
    await page.locator('.auth-btn-wrapper .authorize').click();
    await page.locator('.auth-btn-wrapper .btn-done').click();
    await version.getByRole('button', { name: 'Clear' }).click();
    expect(await tryOut()).toMatch(/^200/);
    expect(await answer.locator('.response-col_description').innerText()).toContain('"ollama": "0.');

    // What changes something is shown and not offered: it would be refused for its Origin.
    const runBash = page.locator('.opblock', { has: page.locator('[data-path="/run-bash/"]') });
    await runBash.locator('.opblock-summary').click();
    await runBash.locator('.opblock-body .responses-wrapper').waitFor();
    expect(await runBash.getByRole('button', { name: 'Try it out' }).count()).toBe(0);

    const hosts = asked.map((url) => new URL(url)).filter(({ protocol }) => protocol !== 'data:');
    expect([...new Set(hosts.map(({ origin }) => origin))]).toEqual([gateway.address]);
    expect(troubles.filter((trouble) => !trouble.includes('status of 401'))).toEqual([]);
    // The token is in no address, and goes with the page.
    expect(asked.filter((url) => url.includes(gateway.token))).toEqual([]);
    expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0);
    expect(await page.evaluate(() => document.cookie)).toBe('');
  });

  it('cannot be made to change anything by a script of its own', async (context) => {
    if ('missing' in browser) return context.skip(browser.missing);
    const status = await browser.page.evaluate(async (token) => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const answer = await fetch('/run-bash/', { method: 'POST', headers, body: '{"cmd": "true"}' });
      return [answer.status, await answer.text()];
    }, gateway.token);
    expect(status).toEqual([403, expect.stringContaining('origin_refused')]);
  });
});
