import { describe, expect, it } from 'vitest';
import { LmError } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { runningBuild } from '../../client/host-fixtures';
import { createBuildFollower } from './build-follower';

/** A follower over a host that builds, its first chunk already there. */
async function followRunningBuild() {
  const host = new FakeHostClient().onStreamOpened('image.watchBuildLog', (stream) =>
    stream.push({ kind: 'snapshot', build: runningBuild(), logLines: ['Step 1/9'] }),
  );
  const follower = createBuildFollower(host);
  await Promise.resolve();
  return { host, follower };
}

describe('following a build', () => {
  it('takes up a build that another page started, with its log so far', async () => {
    const { host, follower } = await followRunningBuild();
    expect(follower.store.getState()).toMatchObject({ status: 'ready', build: { status: 'running' } });
    expect(follower.log.lines()).toEqual(['Step 1/9']);
    expect(host.streams('image.watchBuildLog')[0]?.unconsumed).toBe(0);
  });

  it('does not let a late snapshot undo what an event said', async () => {
    const { host, follower } = await followRunningBuild();
    host.emit('image.buildChanged', { ...runningBuild(), revision: 9, status: 'succeeded' });
    host.streams('image.watchBuildLog')[0]?.push({ kind: 'snapshot', build: runningBuild(), logLines: [] });
    expect(follower.store.getState().build?.status).toBe('succeeded');
  });

  it('begins with an empty log when the next build begins', async () => {
    const { host, follower } = await followRunningBuild();
    host.emit('image.buildChanged', { ...runningBuild(), id: 'build-2', revision: 1 });
    expect(follower.log.lines()).toEqual([]);
    expect(follower.store.getState().build?.id).toBe('build-2');
  });

  it('says why a build could not start', async () => {
    const { host, follower } = await followRunningBuild();
    host.respond('image.build', new LmError('engine_not_running', 'The engine does not run.'));
    await follower.build(false);
    expect(follower.store.getState()).toMatchObject({
      starting: false,
      error: { code: 'engine_not_running' },
    });
  });

  it('shows cancelling until the build has really ended', async () => {
    const { host, follower } = await followRunningBuild();
    host.respond('image.cancelBuild', null);
    await follower.cancel();
    expect(follower.store.getState().cancelling).toBe(true);
    host.emit('image.buildChanged', { ...runningBuild(), revision: 5, status: 'cancelled' });
    expect(follower.store.getState()).toMatchObject({ cancelling: false, build: { status: 'cancelled' } });
  });

  it('lets go of stream and events', async () => {
    const { host, follower } = await followRunningBuild();
    follower.dispose();
    expect(host.heldCount).toBe(0);
  });
});
