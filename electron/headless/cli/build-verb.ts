import type { BuildState } from '../../contract';
import { note, onInterrupt, sayJson, type Context } from './context';
import { CliFailure, failure } from './failure';
import type { HostLink } from './host-link';

export const buildOptions = { 'no-cache': 'flag' } as const;
const windowBytes = 512 * 1024;
const interruptedExitCode = 130;

/** Builds the image; its log goes to standard error, with --json events to standard output. */
export async function build(context: Context, given?: HostLink): Promise<number> {
  const link = given ?? (await context.connect());
  const { json } = context;
  await link.call('image.build', { withoutCache: context.given.flag('no-cache') });
  let interrupted = false;
  onInterrupt(() => {
    interrupted = true;
    void link.call('image.cancelBuild', null).catch(() => undefined);
  });
  const print = (line: string) => (json ? sayJson({ type: 'log', line }) : note(line));
  const log = link.watch('image.watchBuildLog', null, windowBytes, {
    onChunk: (chunk, consumed) => {
      for (const line of chunk.kind === 'snapshot' ? chunk.logLines : chunk.lines) print(line);
      consumed();
    },
    onEnd: () => undefined,
    onError: () => undefined,
  });
  const ended = await new Promise<BuildState>((resolve, reject) => {
    const look = (state: BuildState | null) => {
      if (state && state.status !== 'running') resolve(state);
    };
    link.on('image.buildChanged', (state) => {
      if (json) sayJson({ type: 'progress', status: state.status, steps: state.steps });
      look(state);
    });
    link.call('image.buildStatus', null).then(look, reject);
  });
  log.close();
  if (json) sayJson({ type: 'end', status: ended.status, reference: ended.reference, error: ended.error });
  if (ended.status === 'succeeded') {
    if (!json) note(`The image ${ended.reference} was built.`);
    return 0;
  }
  if (interrupted) return interruptedExitCode;
  throw ended.error
    ? new CliFailure(ended.error)
    : failure('image_build_failed', `The build ended as ${ended.status}.`);
}
