import { LmError } from '../../contract';
import type { EmbeddedService } from '../embedded';
import type { Clock, Logger } from '../foundation';
import type { CommandBackend, ProcessStarter } from './ports';

export interface EmbeddedCommandsDeps {
  readonly embedded: Pick<EmbeddedService, 'settled' | 'requireRun' | 'current' | 'launch' | 'track' | 'end'>;
  readonly processes: ProcessStarter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Commands in the embedded sandbox, each in a bubblewrap of its own. */
export function createEmbeddedCommands(deps: EmbeddedCommandsDeps): CommandBackend {
  const { clock, embedded, logger, processes } = deps;
  return {
    start: async ({ command, environment, input, timeoutMs, workingFolder }, handlers) => {
      await embedded.settled();
      const { runId } = embedded.requireRun();
      const launch = embedded.launch({ command, terminal: false, environment, workingFolder });
      let missed = false;
      let timedOut = false;
      let exitCode: number | null = null;
      let ending: Promise<void> | null = null;
      let forget: () => void = () => undefined;
      let stopTimer: () => void = () => undefined;
      const end = () => {
        ending ??= embedded
          .end(child.processId, launch)
          .catch((error: unknown) => logger.error('A command could not be ended', { error }));
        return ending;
      };
      const child = await processes.start(
        launch,
        { input },
        {
          onOutput: handlers.onOutput,
          onExit: (code) => {
            exitCode = code;
            stopTimer();
            // Where nothing isolates, what it left in the background would live on, and hold the pipes.
            void end();
          },
          onClose: () => {
            void (ending ?? Promise.resolve()).then(() => {
              forget();
              if (!missed) handlers.onEnd({ kind: 'exited', exitCode, timedOut });
            });
          },
        },
      );
      forget = embedded.track(child.processId, launch);
      // What has ended the sandbox meanwhile, or started it anew with another network, did not know of this one.
      if (embedded.current()?.runId !== runId) {
        missed = true;
        await end();
        throw new LmError(
          'sandbox_not_running',
          'The embedded sandbox was stopped while the command started.',
          {
            repair: { text: 'Run it again once the sandbox is up.', command: 'lm-sandbox up' },
            retryable: true,
          },
        );
      }
      if (timeoutMs !== null) {
        stopTimer = clock.after(timeoutMs, () => {
          timedOut = true;
          void end();
        });
      }
      return {
        write: (bytes) => child.write(bytes),
        endInput: () => child.endInput(),
        resize: () => undefined,
        pause: () => child.pause(),
        resume: () => child.resume(),
        end: () => void end(),
      };
    },
  };
}
