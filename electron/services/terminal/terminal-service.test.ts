import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { createXtermScreenMirror } from '../../adapters/screen/xterm-screen-mirror';
import { createLocalPtyBackend } from '../../adapters/pty/local-pty';
import { LmError, terminalStreams, type TerminalChunk } from '../../contract';
import { ServerStream } from '../../rpc/server-stream';
import { systemClock } from '../foundation';
import { TerminalService } from './terminal-service';

const services: TerminalService[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.dispose();
});

/** A service over real shells of this machine. */
function makeService(command: readonly [string, ...string[]] = ['/bin/bash', '--norc', '--noprofile']) {
  const service = new TerminalService({
    backend: createLocalPtyBackend({
      command,
      workingFolder: tmpdir(),
      environment: { PATH: '/usr/bin:/bin', HOME: tmpdir(), LANG: 'C.UTF-8', PS1: '$ ' },
    }),
    createMirror: createXtermScreenMirror,
    clock: systemClock,
  });
  services.push(service);
  return service;
}

/** An attached page: collects text, consumes at once or when told to. */
class Page {
  text = '';
  sentBytes = 0;
  readonly chunks: TerminalChunk[] = [];
  private readonly stream: ServerStream;
  private held: number[] | null = null;
  private readonly waiters: { test: () => boolean; resolve: () => void }[] = [];
  private readonly decoder = new TextDecoder();

  constructor(service: TerminalService, id: string, hold = false) {
    if (hold) this.held = [];
    this.stream = new ServerStream(
      1,
      terminalStreams['terminal.attach'],
      terminalStreams['terminal.attach'].windowBytes,
      (frame) => {
        if (frame.type !== 'chunk') return;
        const chunk = terminalStreams['terminal.attach'].chunk.parse(frame.chunk);
        this.chunks.push(chunk);
        this.sentBytes += frame.sizeBytes;
        if (chunk.kind === 'snapshot') this.text = chunk.screen;
        if (chunk.kind === 'data') this.text += this.decoder.decode(chunk.bytes, { stream: true });
        // Enough for what the tests look for; all of a flood would take long to search for each chunk.
        if (this.text.length > 400_000) this.text = this.text.slice(-200_000);
        if (this.held) this.held.push(frame.sizeBytes);
        else queueMicrotask(() => this.stream.credit(frame.sizeBytes));
        for (const waiter of [...this.waiters]) if (waiter.test()) waiter.resolve();
      },
      () => undefined,
    );
    service.attach(id, this.stream, 'page');
  }

  until(test: (page: Page) => boolean): Promise<void> {
    if (test(this)) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ test: () => test(this), resolve }));
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const bytes of held) this.stream.credit(bytes);
  }

  close(): void {
    this.stream.cancel();
  }
}

const size = { columns: 80, rows: 24 };
const type = (service: TerminalService, id: string, text: string) =>
  service.write(id, new TextEncoder().encode(text), 'page');
const codeOf = (action: () => unknown) => {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof LmError ? error.code : error;
  }
};

function exited(service: TerminalService, id: string) {
  return new Promise<number | null>((resolve) => {
    const look = () => {
      const info = service.list().terminals.find((terminal) => terminal.id === id);
      if (info?.status === 'exited') resolve(info.exitCode);
    };
    service.onChanged(look);
    look();
  });
}

describe('the terminal service', () => {
  it('runs a real shell whose output a page sees', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const page = new Page(service, id);
    type(service, id, 'echo out-$((40+2))\n');
    await page.until(({ text }) => text.includes('out-42'));
  });

  it('reports the exit code after the last output, and refuses further input instead of swallowing it', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const page = new Page(service, id);
    type(service, id, 'echo last words; exit 3\n');
    expect(await exited(service, id)).toBe(3);
    expect(page.text).toContain('last words\r\n');
    expect(codeOf(() => type(service, id, 'x'))).toBe('conflict');
  });

  it('keeps a shell and its text when its page goes away, and shows both to the next page', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const first = new Page(service, id);
    type(service, id, 'remembered=yes; echo before-$remembered\n');
    await first.until(({ text }) => text.includes('before-yes'));
    first.close();
    type(service, id, 'echo while-nobody-$remembered\n');
    const second = new Page(service, id);
    await second.until(({ text }) => text.includes('while-nobody-yes'));
    expect(second.chunks[0]?.kind).toBe('snapshot');
    expect(second.text).toContain('before-yes');
  });

  it('answers a cursor position query exactly once with no page, one and two attached', async () => {
    for (const pages of [0, 1, 2]) {
      const service = makeService();
      const { id } = await service.open(size);
      const attached = Array.from({ length: pages }, () => new Page(service, id));
      // Reads all that comes within 300 ms after the first answer and writes it as hex to a file of its own.
      type(
        service,
        id,
        `stty raw -echo; printf '\\033[6n'; IFS= read -r -d R answer; IFS= read -r -t 0.3 -n 1 more; stty sane; printf 'answer:%s:more:%s:end\\n' "$(printf %s "$answer" | tr -d '\\033')" "$more"\n`,
      );
      const watcher = new Page(service, id);
      await watcher.until(({ text }) => /answer:\[\d+;\d+:more::end/.test(text));
      expect(attached).toHaveLength(pages);
      await service.dispose();
    }
  });

  it('lets a shell go on when its page consumes nothing, sparing the page what it can never show', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const stuck = new Page(service, id, true);
    const live = new Page(service, id);
    type(service, id, 'head -c 20000000 /dev/zero | base64 -w 100; echo flood-over-$((1+1))\n');
    await live.until(({ text }) => text.includes('flood-over-2'));
    const before = stuck.sentBytes;
    stuck.release();
    await stuck.until(({ text }) => text.includes('flood-over-2'));
    expect(stuck.sentBytes - before).toBeLessThan(1_500_000);
  }, 60_000);

  it('brings a page that stood still during output that cannot be left out up to date with a snapshot', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const stuck = new Page(service, id, true);
    // Cursor movement in every line: each has to be parsed.
    const live = new Page(service, id);
    type(service, id, "yes $'\\e[1Cx' | head -c 10000000; echo; echo flood-over-$((1+1))\n");
    await live.until(({ text }) => text.includes('flood-over-2'));
    stuck.release();
    await stuck.until(({ text }) => text.includes('flood-over-2'));
    expect(stuck.chunks.filter(({ kind }) => kind === 'snapshot')).toHaveLength(2);
  }, 60_000);

  it('shows the same scrollback after a flood as a terminal that saw every line', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const page = new Page(service, id);
    type(service, id, 'seq 1 300000; echo done-$((1+1))\n');
    await page.until(({ text }) => text.includes('done-2'));
    const later = new Page(service, id);
    const lines = later.text.split('\r\n').filter((line) => /^\d+$/.test(line));
    expect(lines.at(-1)).toBe('300000');
    expect(lines.length).toBeGreaterThan(4_900);
    const numbers = lines.map(Number);
    expect(numbers.every((value, index) => index === 0 || value === (numbers[index - 1] ?? 0) + 1)).toBe(
      true,
    );
    const last = page.chunks.findLast((chunk) => chunk.kind === 'data');
    // Every byte is accounted for by the sequence, whether it was sent or left out.
    expect(last?.kind === 'data' && last.sequence).toBeGreaterThan(2_288_895);
  }, 60_000);

  it('tells every page of a new size, in band', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const page = new Page(service, id);
    service.resize(id, { columns: 101, rows: 31 });
    type(service, id, 'echo "$(stty size)"\n');
    await page.until(({ text }) => text.includes('31 101'));
    expect(page.chunks).toContainEqual({ kind: 'resized', columns: 101, rows: 31 });
  });

  it('survives random bytes and a line of ten megabytes', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const page = new Page(service, id);
    type(
      service,
      id,
      "head -c 2000000 /dev/urandom; printf '\\033c'; head -c 10000000 /dev/zero | tr '\\0' x; printf '\\033c'; echo alive-$((2+3))\n",
    );
    await page.until(({ text }) => text.includes('alive-5'));
  }, 60_000);

  it('ends the shell and what it started in the foreground when a terminal is closed', async () => {
    const service = makeService();
    const { id } = await service.open(size);
    const page = new Page(service, id);
    type(service, id, 'echo pid-$$-; sleep 1000\n');
    await page.until(({ text }) => /pid-\d+-\r/.test(text));
    const pid = Number(/pid-(\d+)-\r/.exec(page.text)?.[1]);
    await service.close(id);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    expect(service.list().terminals).toEqual([]);
  });
});
