import { describe, expect, it } from 'vitest';
import type { CommandChunk, CommandRequest } from '../../contract';
import { systemClock } from '../foundation';
import { FakeSink } from '../foundation/stream-sink.fakes';
import { CommandsService } from './commands-service';
import type { CommandHandlers, RunningCommand } from './ports';

const request: CommandRequest = {
  id: 'one',
  command: ['true'],
  workingFolder: null,
  environment: {},
  timeoutMs: null,
  input: true,
  terminal: null,
};

/** One command that the test plays. */
class ScriptedCommand implements RunningCommand {
  readonly calls: string[] = [];
  handlers: CommandHandlers | null = null;
  write = (bytes: Uint8Array) => {
    this.calls.push(`write ${String(bytes.byteLength)}`);
    return Promise.resolve();
  };
  endInput = () => void this.calls.push('endInput');
  resize = () => undefined;
  pause = () => void this.calls.push('pause');
  resume = () => void this.calls.push('resume');
  end = () => void this.calls.push('end');
}

async function start() {
  const command = new ScriptedCommand();
  const service = new CommandsService({
    backend: {
      start: (_wish, handlers) => {
        command.handlers = handlers;
        return Promise.resolve(command);
      },
    },
    terminals: { open: () => Promise.reject(new Error('no terminal here')) },
    clock: systemClock,
  });
  const sink = new FakeSink<CommandChunk>();
  service.run('page', request, sink);
  await Promise.resolve();
  return { command, service, sink };
}

const bytes = new Uint8Array([1, 2]);

describe('a command of the host', () => {
  it('takes input that comes in the turn of its start, and ends its stream behind the exit code', async () => {
    const { command, service, sink } = await start();
    await service.write('page', 'one', bytes, true);
    command.handlers?.onOutput('stdout', bytes);
    command.handlers?.onEnd({ kind: 'exited', exitCode: 3, timedOut: false });
    expect(command.calls).toEqual(['write 2', 'endInput']);
    expect(sink.chunks).toEqual([
      { kind: 'output', channel: 'stdout', bytes },
      { kind: 'exit', exitCode: 3, timedOut: false },
    ]);
    expect([sink.ended, service.running]).toEqual([true, 0]);
    await expect(service.write('page', 'one', bytes, false)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is not read while its caller takes nothing, and its end does not wait for that', async () => {
    const { command, service, sink } = await start();
    sink.fallBehind();
    command.handlers?.onOutput('stdout', bytes);
    expect(command.calls).toEqual(['pause']);
    await service.end('page', 'one');
    command.handlers?.onOutput('stdout', bytes);
    expect(command.calls).toEqual(['pause', 'resume', 'end']);
    expect(sink.chunks).toHaveLength(1);
  });

  it('ends when its caller goes away, and belongs to no other one', async () => {
    const { command, service, sink } = await start();
    await expect(service.end('another page', 'one')).rejects.toMatchObject({ code: 'not_found' });
    sink.close();
    expect(command.calls).toContain('end');
  });
});
