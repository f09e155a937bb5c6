import { LmError, type HostNeed } from '../contract';
import type { RpcClient } from '../rpc/client';

/** Asks a host in the background to end, and keeps what it said is needed of it. */
export class HandOver {
  /** Null while no host in the background was found. */
  neededBy: readonly HostNeed[] | null = null;

  /** Resolves with false where it stays, or is no host in the background. */
  readonly ask = async (host: RpcClient): Promise<boolean> => {
    try {
      const { neededBy } = await host.call('host.endIfUnneeded', null);
      this.neededBy = neededBy;
      return neededBy.length === 0;
    } catch (error) {
      if (error instanceof LmError && error.code === 'unsupported') return false;
      throw error;
    }
  };

  /** Whether browsers could be let in by the host that was found. */
  get hasClosedDoor(): boolean {
    return this.neededBy !== null && !this.neededBy.some(({ kind }) => kind === 'browser-door');
  }
}

const words: Readonly<Record<HostNeed['kind'], readonly [one: string, more: string]>> = {
  connection: ['one connected program', 'connected programs'],
  command: ['one command', 'commands'],
  terminal: ['one terminal', 'terminals'],
  'embedded-sandbox': ['the embedded sandbox, which is up', 'embedded sandboxes'],
  'container-operation': ['work on the container', 'works on the container'],
  'image-build': ['one image build', 'image builds'],
  'model-download': ['one model download', 'model downloads'],
  answer: ['one answer', 'answers'],
  'browser-door': ['the open browser door', 'browser doors'],
};

/** As in “2 terminals, one answer and one image build”. */
export function describeNeeds(needs: readonly HostNeed[]): string {
  const texts = needs.map(({ count, kind }) => {
    const [one, more] = words[kind];
    return count === 1 ? one : `${String(count)} ${more}`;
  });
  const last = texts.pop() ?? 'nothing';
  return texts.length === 0 ? last : `${texts.join(', ')} and ${last}`;
}
