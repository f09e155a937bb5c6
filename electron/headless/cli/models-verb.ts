import type { Model, ModelJob, ModelReference, StarterState } from '../../contract';
import { note, onInterrupt, say, sayJson, type Context } from './context';
import { CliFailure, failure, usage } from './failure';
import type { HostLink } from './host-link';
import { readSandbox } from './sandbox-verbs';

export const modelsOptions = { insecure: 'flag' } as const;
const interruptedExitCode = 130;

/** `models [list]`, `models pull|load|unload|delete NAME`. */
export async function models(context: Context): Promise<number> {
  const [action = 'list', name] = context.given.words;
  if (action !== 'list' && name === undefined) throw usage(`models ${action} needs a name.`, 'models');
  const link = await context.connect();
  const { place } = await readSandbox(link);
  switch (action) {
    case 'list':
      return list(context, link);
    case 'pull':
      return place === 'embedded' ? pullStarter(context, link, name ?? '') : pull(context, link, name ?? '');
    case 'load':
    case 'unload':
    case 'delete': {
      const method = action === 'delete' ? 'models.remove' : (`models.${action}` as const);
      const model = await findModel(link, name ?? '');
      await link.call(method, { model });
      if (context.json) sayJson({ action, model });
      else say(`${{ load: 'Loaded', unload: 'Unloaded', delete: 'Deleted' }[action]} ${model.name}.`);
      return 0;
    }
    default:
      throw usage(`There is no “models ${action}”.`, 'models');
  }
}

async function list({ json }: Context, link: HostLink): Promise<number> {
  const found = await link.call('models.list', null);
  if (json) {
    sayJson(found);
    return 0;
  }
  for (const { error, runtime, state } of found.runtimes) {
    if (state === 'unavailable') note(`· ${runtime}: ${error?.message ?? 'not available'}`);
  }
  for (const line of modelLines(found.models)) say(line);
  if (found.models.length === 0) {
    const { models: starters } = await link.call('starter.status', null);
    note('There is no model yet. Small ones to begin with, by lm-sandbox models pull NAME:');
    for (const { id, license, name, sizeBytes } of starters) {
      note(`  ${id}  ${name}, ${size(sizeBytes)}, ${license}`);
    }
  }
  return 0;
}

function modelLines(found: readonly Model[]): string[] {
  const rows = found.map(({ load, reference, sizeBytes }) => [
    reference.name,
    reference.runtime,
    sizeBytes === null ? '' : size(sizeBytes),
    load.state,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}

function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${String(Math.round(bytes / 1e6))} MB`;
}

/** By its name, with or without `RUNTIME/` in front. */
export async function findModel(link: HostLink, name: string): Promise<ModelReference> {
  const { models: known } = await link.call('models.list', null);
  const found = known.filter(
    ({ reference }) => reference.name === name || `${reference.runtime}/${reference.name}` === name,
  );
  const [first, second] = found;
  if (first && !second) return first.reference;
  if (first && second) {
    throw failure('conflict', `Several runtimes have ${name}.`, {
      text: `Write ${found.map(({ reference }) => `${reference.runtime}/${reference.name}`).join(' or ')}.`,
    });
  }
  throw failure('model_not_found', `There is no model ${name}.`, {
    text: 'What there is:',
    command: 'lm-sandbox models',
  });
}

/** Ollama fetches it, in the container. */
async function pull({ given, json }: Context, link: HostLink, name: string): Promise<number> {
  const started = await link.call('models.pull', { name, insecure: given.flag('insecure') });
  let interrupted = false;
  onInterrupt(() => {
    interrupted = true;
    link.call('models.cancelJob', { jobId: started.id }).catch(() => undefined);
  });
  const progress = progressPrinter(json);
  const ended = await new Promise<ModelJob>((resolve, reject) => {
    const look = (jobs: readonly ModelJob[]) => {
      const job = jobs.find(({ id }) => id === started.id);
      if (!job) return;
      progress({ ...job, name });
      if (job.status !== 'running') resolve(job);
    };
    link.on('models.jobsChanged', ({ jobs }) => look(jobs));
    link.call('models.jobs', null).then(({ jobs }) => look(jobs), reject);
  });
  return afterFetch(name, ended, interrupted, json);
}

/** In the embedded place there is no Ollama; the models to begin with are fetched by the app itself. */
async function pullStarter({ json }: Context, link: HostLink, id: string): Promise<number> {
  const { models: known } = await link.call('starter.status', null);
  if (!known.some((each) => each.id === id)) {
    throw failure('model_not_found', `The embedded place cannot fetch ${id}.`, {
      text: `It can fetch ${known.map((each) => each.id).join(', ')}; other GGUF files are imported in the app.`,
    });
  }
  let interrupted = false;
  onInterrupt(() => {
    interrupted = true;
    link.call('starter.cancel', null).catch(() => undefined);
  });
  const progress = progressPrinter(json);
  const ended = await new Promise<NonNullable<StarterState['download']>>((resolve, reject) => {
    const look = ({ download }: StarterState) => {
      if (download?.modelId !== id) return;
      progress({ ...download, name: id });
      if (download.status !== 'running') resolve(download);
    };
    link.on('starter.changed', look);
    link.call('starter.download', { modelId: id }).then(look, reject);
  });
  return afterFetch(id, ended, interrupted, json);
}

interface Progress {
  readonly name: string;
  readonly phase: string;
  readonly status: string;
  readonly completedBytes: number | null;
  readonly totalBytes: number | null;
}

/** A line that is written over at a terminal; else one for each phase. */
function progressPrinter(json: boolean): (progress: Progress) => void {
  let lastPhase = '';
  return ({ completedBytes, name, phase, status, totalBytes }) => {
    if (json) {
      sayJson({ type: 'progress', name, phase, status, completedBytes, totalBytes });
      return;
    }
    const share = totalBytes ? ` ${String(Math.floor(((completedBytes ?? 0) / totalBytes) * 100))} %` : '';
    if (process.stderr.isTTY)
      process.stderr.write(`\r\u001b[K· ${phase}${share}${status === 'running' ? '' : '\n'}`);
    else if (phase !== lastPhase) note(`· ${phase}`);
    lastPhase = phase;
  };
}

function afterFetch(
  name: string,
  ended: Pick<ModelJob, 'status' | 'error'>,
  interrupted: boolean,
  json: boolean,
): number {
  if (json) sayJson({ type: 'end', name, status: ended.status, error: ended.error });
  if (ended.status === 'succeeded') {
    if (!json) say(`${name} is there.`);
    return 0;
  }
  if (interrupted) return interruptedExitCode;
  throw ended.error ? new CliFailure(ended.error) : failure('cancelled', `Fetching ${name} was cancelled.`);
}
