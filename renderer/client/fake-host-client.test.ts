import { describe, expect, it, vi } from 'vitest';
import { LmError } from '../../electron/contract';
import { FakeHostClient } from './fake-host-client';

const engineSearching = { state: 'searching', revision: 1 } as const;

describe('FakeHostClient', () => {
  it('answers a call as its test said and records what was asked', async () => {
    const host = new FakeHostClient().respond('engine.status', engineSearching);
    await expect(host.call('engine.status', null)).resolves.toEqual(engineSearching);
    expect(host.inputsOf('engine.status')).toEqual([null]);
  });

  it('rejects with the error its test gave', async () => {
    const host = new FakeHostClient().respond(
      'sandbox.start',
      new LmError('port_in_use', 'Port 8000 is taken.'),
    );
    await expect(host.call('sandbox.start', null)).rejects.toMatchObject({ code: 'port_in_use' });
  });

  it('fails pending and later calls while the connection is lost', async () => {
    const host = new FakeHostClient();
    const pending = host.call('sandbox.status', null);
    host.loseConnection();
    await expect(pending).rejects.toMatchObject({ code: 'disconnected' });
    await expect(host.call('sandbox.status', null)).rejects.toMatchObject({ code: 'disconnected' });
  });

  it('begins open streams anew after a reconnect and counts what was not consumed', async () => {
    const host = new FakeHostClient();
    const opened = vi.fn();
    host.onStreamOpened('image.watchBuildLog', opened);
    const consumers: (() => void)[] = [];
    const watching = host.watch('image.watchBuildLog', null, {
      onChunk: (_, consumed) => consumers.push(consumed),
    });
    await Promise.resolve();
    host.loseConnection();
    host.reconnect();
    expect(opened).toHaveBeenCalledTimes(2);

    const [stream] = host.streams('image.watchBuildLog');
    stream?.push({ kind: 'log', lines: ['one'] });
    expect(stream?.unconsumed).toBe(1);
    consumers[0]?.();
    expect(stream?.unconsumed).toBe(0);

    watching.close();
    expect(host.streams('image.watchBuildLog')).toEqual([]);
    expect(host.heldCount).toBe(0);
  });
});
