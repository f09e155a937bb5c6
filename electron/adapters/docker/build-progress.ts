import type { BuildEvent } from '../../services/container/ports';
import type { BuildMessage } from './wire';

const maxLineLength = 4_000;

/**
 * Turns the messages of a build into events. Docker's classic builder says `Step 3/14 : RUN …` and Podman
 * `STEP 3/14: RUN …`, in several stages `[1/2] STEP 3/14: RUN …` with the count of that stage.
 */
export function createBuildProgressReader(): {
  readonly read: (message: BuildMessage) => BuildEvent[];
  /** The line that was not ended yet. */
  readonly end: () => BuildEvent[];
} {
  let line = '';
  let stepCount = 0;

  const readLine = (raw: string): BuildEvent[] => {
    // Progress bars redraw a line with carriage returns; the last drawing is what a person would see.
    const text = (raw.split('\r').filter(Boolean).at(-1) ?? '').slice(0, maxLineLength);
    const step = /^(?:\[\d+\/\d+\] )?(?:Step|STEP) (\d+)(?:\/(\d+))? ?: (.*)$/.exec(text);
    if (step) {
      stepCount += 1;
      // Podman starts counting anew in each stage; then only the order is known.
      const restarts = Number(step[1]) !== stepCount;
      const total = restarts || text.startsWith('[') || !step[2] ? null : Number(step[2]);
      return [
        { kind: 'step', index: stepCount, total, name: step[3] ?? '' },
        { kind: 'log', text },
      ];
    }
    if (/^ ?-{2,3}> Using cache/.test(text)) return [{ kind: 'cached' }, { kind: 'log', text }];
    return text.trim() === '' ? [] : [{ kind: 'log', text }];
  };

  const readText = (text: string): BuildEvent[] => {
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    // A command that writes megabytes without a line end must not collect here.
    if (line.length > 4 * maxLineLength) {
      lines.push(line);
      line = '';
    }
    return lines.flatMap(readLine);
  };

  const end = (): BuildEvent[] => {
    const last = line;
    line = '';
    return last === '' ? [] : readLine(last);
  };

  const read = (message: BuildMessage): BuildEvent[] => {
    if (message.stream) {
      // The builder announces a step as a message of its own, whether or not the last line was ended.
      const announces = /^(?:\[\d+\/\d+\] )?(?:Step|STEP) \d/.test(message.stream);
      return [...(announces ? end() : []), ...readText(message.stream)];
    }
    if (message.status) return readStatus(message);
    return [];
  };

  return { read, end };
}

function readStatus(message: BuildMessage): BuildEvent[] {
  const { status, id, progressDetail } = message;
  if (!status) return [];
  if (!id || status.startsWith('Pulling from'))
    return [{ kind: 'log', text: status.slice(0, maxLineLength) }];
  const total = progressDetail?.total ?? null;
  if (status === 'Downloading' && progressDetail?.current != null) {
    return [{ kind: 'layer', id, completedBytes: progressDetail.current, totalBytes: total }];
  }
  return [];
}
