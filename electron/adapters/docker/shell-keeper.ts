import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { hangUpFunctions } from './hang-up';

const keeperVariable = 'LM_SANDBOX_KEEPER';

/** A second after the end of input, because a shell that is being started at that moment shall be found too. */
const keeperScript = `${hangUpFunctions}
while read -r _; do :; done
sleep 1
hang_up "$1"
`;

/** One shell's share in a keeper. */
export interface KeptShell {
  /** For the environment of the shell: by it the keeper knows its shells. */
  readonly variable: string;
  /** To be called when the shell has ended or is given up; again does nothing. */
  release(): void;
}

/**
 * Hangs up the shells of a host that has gone, however it went. The engine lets a TTY exec run on when its client
 * is killed, and does not tell afterwards that nobody is attached, so no later host could know whose shells it finds.
 * A process without a TTY does learn it: its input ends together with the connection. So beside the shells of a host
 * runs one small process in the container that holds such a connection, and hangs up these shells when it breaks.
 * Shells of other hosts carry the name of another keeper.
 */
export class ShellKeeper {
  private readonly variable = `${keeperVariable}=${randomUUID()}`;
  private shells = 0;
  private input: Duplex | null = null;
  private ended = false;
  private readonly started: Promise<void>;

  private constructor(
    readonly containerId: string,
    container: Docker.Container,
  ) {
    this.started = this.start(container);
  }

  /** Gives a function that finds or starts the keeper of a container; it rejects as the engine's client does. */
  static perContainer(): (container: Docker.Container) => Promise<KeptShell> {
    let current: ShellKeeper | null = null;
    return (container) => {
      if (!current || current.ended || current.containerId !== container.id) {
        current = new ShellKeeper(container.id, container);
      }
      return current.keep();
    };
  }

  private async keep(): Promise<KeptShell> {
    this.shells += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.shells -= 1;
      if (this.shells === 0) this.end();
    };
    try {
      await this.started;
    } catch (error) {
      release();
      throw error;
    }
    return { variable: this.variable, release };
  }

  private async start(container: Docker.Container): Promise<void> {
    try {
      const exec = await container.exec({
        Cmd: ['/bin/sh', '-c', keeperScript, 'keeper', this.variable],
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
      });
      const input = await exec.start({ hijack: true, stdin: true });
      const gone = () => (this.ended = true);
      input.on('end', gone);
      input.on('close', gone);
      input.on('error', gone);
      input.resume();
      this.input = input;
    } catch (error) {
      this.ended = true;
      throw error;
    }
  }

  private end(): void {
    this.ended = true;
    this.input?.end();
  }
}
