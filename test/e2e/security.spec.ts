import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { FuseState, getCurrentFuseWire } from '@electron/fuses';
import { load } from 'js-yaml';
import { z } from 'zod';
import { FUSE_NAMES } from '../../scripts/lib/fuses.mjs';
import { expect, test } from './fixtures';

const root = join(__dirname, '../..');

/** For tests of what a browser has no part in; `why` says what is there instead. */
const desktopOnly = (why: string) => ({
  tag: '@desktop',
  annotation: { type: 'desktop only', description: why },
});

/** What the page may not do, in the packaged app and in a browser. It needs no engine. */
test.describe('the page', () => {
  let outside: Server;
  let outsideUrl: string;
  let reached: string[];

  test.beforeAll(async ({ app }) => {
    outside = createServer((request, response) => {
      reached.push(request.url ?? '');
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end('reached');
    });
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    const address = outside.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    outsideUrl = `http://127.0.0.1:${address.port}`;
    await app.open({ dockerHost: 'unix:///nonexistent/docker.sock' });
  });
  test.beforeEach(() => {
    reached = [];
  });
  test.afterAll(async ({ app }) => {
    await app.quit();
    const closed = new Promise((resolve) => outside.close(resolve));
    // A browser keeps connections open that it made ahead of any request; nobody waits for those.
    outside.closeAllConnections();
    await closed;
  });

  test(
    'comes from a binary whose fuses are as electron-builder.yml wants them',
    desktopOnly('a browser is a program of its own'),
    async ({ app }) => {
      const configuration = z
        .object({ electronFuses: z.record(z.string(), z.boolean()) })
        .parse(load(await readFile(join(root, 'electron-builder.yml'), 'utf8')));
      const wire = z
        .record(z.string(), z.unknown())
        .parse({ ...(await getCurrentFuseWire(app.executablePath)) });
      const places = FUSE_NAMES.map((name, place) => ({ name, state: wire[String(place)] })).filter(
        ({ state }) => state !== undefined,
      );
      // The Electron of the tests may know fewer fuses than the newest, but these at least.
      expect(places.length).toBeGreaterThanOrEqual(6);
      const found = Object.fromEntries(places.map(({ name, state }) => [name, state === FuseState.ENABLE]));
      const wanted = Object.fromEntries(places.map(({ name }) => [name, configuration.electronFuses[name]]));
      expect(found).toEqual(wanted);
      expect(found).toMatchObject({
        runAsNode: false,
        enableNodeCliInspectArguments: false,
        onlyLoadAppFromAsar: true,
      });
    },
  );

  test('has nothing of Node and no key from the preload', async ({ app }) => {
    const found = await app.page.evaluate(() => {
      const frame = document.createElement('iframe');
      document.body.append(frame);
      const plain = new Set(Object.getOwnPropertyNames(frame.contentWindow ?? {}));
      frame.remove();
      // The validator that the page bundles keeps two registries of its own there.
      const known = /^(__zod_globalConfig|__zod_globalRegistry|\d+)$/;
      const own = Object.getOwnPropertyNames(window).filter((name) => !plain.has(name) && !known.test(name));
      const names = [
        'require',
        'process',
        'module',
        'global',
        'Buffer',
        '__dirname',
        'electron',
        'ipcRenderer',
      ];
      return { own, node: names.filter((name) => name in window), compared: plain.size };
    });
    expect(found.compared).toBeGreaterThan(500);
    expect(found).toMatchObject({ own: [], node: [] });
  });

  test('runs no inline script and no text as code', async ({ app }) => {
    const found = await app.page.evaluate(
      () =>
        new Promise<{ inline: boolean; evaluated: string; directives: string[] }>((resolve) => {
          const directives: string[] = [];
          document.addEventListener('securitypolicyviolation', (event) =>
            directives.push(event.effectiveDirective),
          );
          const script = document.createElement('script');
          script.textContent = 'window.inlineRan = true';
          document.head.append(script);
          // In a turn of its own: what the test's own tool runs is exempt from the policy.
          setTimeout(() => {
            let evaluated = 'ran';
            try {
              // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- what must not work
              new Function('return 1')();
            } catch (error) {
              evaluated = error instanceof Error ? error.name : String(error);
            }
            setTimeout(() => resolve({ inline: 'inlineRan' in window, evaluated, directives }), 0);
          }, 0);
        }),
    );
    expect(found).toMatchObject({ inline: false, evaluated: 'EvalError' });
    expect(found.directives).toEqual(expect.arrayContaining(['script-src-elem', 'script-src']));
  });

  test('loads no image, script, style, frame or data from elsewhere', async ({ app }) => {
    const outcomes = await app.page.evaluate(async (url) => {
      const load = (name: 'img' | 'script' | 'link' | 'iframe') =>
        new Promise<string>((resolve) => {
          const element = document.createElement(name);
          // A refused frame loads an error page, so only the policy tells of it.
          if (name === 'iframe') {
            document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
              if (effectiveDirective === 'frame-src') resolve('refused');
            });
          } else {
            element.addEventListener('load', () => resolve('loaded'));
            element.addEventListener('error', () => resolve('refused'));
          }
          if (element instanceof HTMLLinkElement) {
            element.rel = 'stylesheet';
            element.href = `${url}/${name}`;
          } else element.src = `${url}/${name}`;
          document.body.append(element);
        });
      const fetched = await fetch(`${url}/fetch`).then(
        () => 'loaded',
        () => 'refused',
      );
      return [await load('img'), await load('script'), await load('link'), await load('iframe'), fetched];
    }, outsideUrl);
    expect(outcomes).toEqual(['refused', 'refused', 'refused', 'refused', 'refused']);
    expect(reached).toEqual([]);
  });

  for (const path of [
    '../../package.json',
    '../main/index.cjs',
    '%2e%2e/main/index.cjs',
    '..%2f..%2fpackage.json',
    '..%5c..%5cpackage.json',
    '%2e%2e%2fmain%2findex.cjs',
    '/etc/passwd',
    'no-such-file.js',
  ]) {
    test(`has nothing at ${path}`, async ({ app }) => {
      const status = await app.page.evaluate(
        async (url) => (await fetch(url)).status,
        `${app.origin}/${path}`,
      );
      expect(status).toBe(404);
    });
  }

  test('gives its own files with the content policy', async ({ app }) => {
    const headers = await app.page.evaluate(async (origin) => {
      const answer = await fetch(`${origin}/index.html`);
      return [answer.status, answer.headers.get('content-security-policy')];
    }, app.origin);
    expect(headers).toEqual([200, expect.stringMatching(/^default-src 'none'; script-src 'self';/)]);
  });

  test('opens no second window', desktopOnly('windows of a browser are its own affair'), async ({ app }) => {
    const opened = await app.page.evaluate((url) => window.open(`${url}/window`) !== null, outsideUrl);
    expect(opened).toBe(false);
    await app.page.evaluate((url) => {
      const link = document.createElement('a');
      Object.assign(link, { href: `${url}/link`, target: '_blank' });
      document.body.append(link);
      link.click();
    }, outsideUrl);
    await expect.poll(() => app.output()).toContain(`Refused window: ${outsideUrl}/link`);
    expect(app.page.context().pages()).toHaveLength(1);
    expect(reached).toEqual([]);
  });

  test('is refused what a page can ask the person for', async ({ app }) => {
    const found = await app.page.evaluate(async () => {
      const outcome = (promise: Promise<unknown>) =>
        promise.then(
          (value) => (typeof value === 'string' ? value : 'granted'),
          (error: unknown) => (error instanceof Error ? error.name : 'refused'),
        );
      const place = new Promise((resolve, reject) =>
        navigator.geolocation.getCurrentPosition(resolve, (error) => reject(new Error(String(error.code)))),
      );
      return {
        notifications: await outcome(Notification.requestPermission()),
        place: await place.then(
          () => 'granted',
          (error: unknown) => (error instanceof Error ? error.message : ''),
        ),
        camera: await outcome(navigator.mediaDevices.getUserMedia({ video: true })),
        clipboard: await outcome(navigator.clipboard.readText()),
        midi: await outcome(navigator.requestMIDIAccess({ sysex: true })),
      };
    });
    expect(found).toMatchObject({ notifications: 'denied', place: '1' });
    expect(found.camera).toMatch(/^Not(Allowed|Found)Error$/);
    expect(found.clipboard).toBe('NotAllowedError');
    expect(found.midi).toMatch(/^(NotAllowedError|SecurityError)$/);
  });

  test('goes nowhere else', desktopOnly('a tab goes where its person goes'), async ({ app }) => {
    const targets = [`${outsideUrl}/navigation`, 'file:///etc/passwd', 'data:text/html,elsewhere'];
    for (const target of targets) {
      await app.page.evaluate((url) => window.location.assign(url), target).catch(() => undefined);
    }
    await expect.poll(() => app.output()).toContain(`Refused navigation: ${outsideUrl}/navigation`);
    expect(app.page.url()).toBe('app://lm-sandbox/');
    // Playwright's locators would wait for the end of a navigation that was refused.
    expect(await app.page.evaluate(() => document.querySelector('h1')?.textContent)).toBe(
      'Set up the sandbox',
    );
    expect(reached).toEqual([]);
  });
});
