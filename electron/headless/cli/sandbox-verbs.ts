import type { EmbeddedStatus, EngineState, GpuChoice, SandboxStatus, Settings } from '../../contract';
import { build } from './build-verb';
import { confirm, note, say, sayJson, type Context } from './context';
import { CliFailure, failure, usage } from './failure';
import type { HostLink } from './host-link';

const settledWithinMs = 30_000;

export interface SandboxReport {
  readonly place: Settings['sandboxPlace'];
  readonly settings: Settings;
  readonly engine: EngineState;
  readonly sandbox: SandboxStatus;
  readonly embedded: EmbeddedStatus;
}

/** What the host knows, once it has looked: one that has just started still searches. */
export async function readSandbox(link: HostLink): Promise<SandboxReport> {
  const read = async (): Promise<SandboxReport> => {
    const [{ settings }, engine, sandbox, embedded] = await Promise.all([
      link.call('settings.get', null),
      link.call('engine.status', null),
      link.call('sandbox.status', null),
      link.call('embedded.status', null),
    ]);
    return { place: settings.sandboxPlace, settings, engine, sandbox, embedded };
  };
  const isKnown = ({ embedded, engine, place, sandbox }: SandboxReport) =>
    place === 'embedded'
      ? embedded.state !== 'checking'
      : engine.state === 'unavailable' || (engine.state === 'connected' && sandbox.phase !== 'unknown');
  return until(link, read, isKnown, settledWithinMs);
}

/** Reads again at every change until it is as wanted, or the time is over. */
async function until<T>(
  link: HostLink,
  read: () => Promise<T>,
  isWanted: (value: T) => boolean,
  limitMs: number | null,
): Promise<T> {
  let changed: () => void = () => undefined;
  for (const name of ['engine.changed', 'sandbox.changed', 'embedded.changed'] as const) {
    link.on(name, () => changed());
  }
  const deadline = limitMs === null ? null : Date.now() + limitMs;
  for (;;) {
    const change = new Promise<void>((resolve) => (changed = resolve));
    const value = await read();
    const leftMs = deadline === null ? null : deadline - Date.now();
    if (isWanted(value) || (leftMs !== null && leftMs <= 0)) return value;
    await (leftMs === null ? change : Promise.race([change, delay(leftMs)]));
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

export async function status(context: Context): Promise<number> {
  const link = await context.connect();
  const [host, report, door] = await Promise.all([
    link.call('host.describe', null),
    readSandbox(link),
    link.call('door.status', null),
  ]);
  const { embedded, engine, place, sandbox } = report;
  const up = place === 'embedded' ? embedded.state === 'ready' : sandbox.phase === 'healthy';
  if (context.json) {
    sayJson({ up, place, host, engine, sandbox, embedded, browserAddress: door.origin });
    return up ? 0 : 1;
  }
  say(`sandbox:   ${up ? 'up' : 'not up'} (${place === 'embedded' ? 'embedded' : 'container'})`);
  for (const [name, text] of place === 'embedded' ? describeEmbedded(embedded) : describeContainer(report)) {
    say(`${`${name}:`.padEnd(11)}${text}`);
  }
  say(`host:      version ${host.appVersion}, ${host.dataFolder}`);
  say(`browsers:  ${door.origin ?? 'not let in'}`);
  return up ? 0 : 1;
}

type Line = readonly [name: string, text: string];

function describeEmbedded({ error, isolation, network, running, state, workspace }: EmbeddedStatus): Line[] {
  const isolationText = {
    unknown: 'not known yet',
    bubblewrap: 'bubblewrap',
    none: 'not isolated',
  }[isolation.kind];
  return [
    ['state', state],
    ['isolation', isolationText],
    ['network', network ? 'on' : 'off'],
    ['workspace', workspace.folder],
    ['running', `${String(running)} shells and commands`],
    ...(error ? [['error', error.message] as const] : []),
  ];
}

function describeContainer({ engine, sandbox }: SandboxReport): Line[] {
  const { container, error, image, operation, parts, phase } = sandbox;
  const engineText =
    engine.state === 'connected'
      ? `${engine.facts.product} ${engine.facts.version} at ${engine.endpoint.url}`
      : engine.state === 'unavailable'
        ? engine.error.message
        : 'being looked for';
  return [
    ['state', operation === null ? phase : `${phase}, ${operation} under way`],
    ['engine', engineText],
    [
      'image',
      image.state === 'present' ? `${image.reference}${image.current ? '' : ', outdated'}` : image.state,
    ],
    ...(container
      ? [['container', `${container.name}, port ${String(container.hostPort ?? 'none')}`] as const]
      : []),
    ...parts.map((part) => [part.name, part.state] as const),
    ...(container?.outdated ?? []).map((reason) => ['outdated', reason] as const),
    ...(error ? [['error', error.message] as const] : []),
  ];
}

export const upOptions = {
  embedded: 'flag',
  container: 'flag',
  gpu: 'value',
  build: 'flag',
  recreate: 'flag',
  'not-isolated': 'flag',
} as const;

/** Ends with 0 when commands can be run. */
export async function up(context: Context): Promise<number> {
  const { given } = context;
  if (given.flag('embedded') && given.flag('container')) throw usage('One place at a time.', 'up');
  const link = await context.connect();
  if (given.flag('embedded')) await link.call('settings.update', { sandboxPlace: 'embedded' });
  if (given.flag('container')) await link.call('settings.update', { sandboxPlace: 'container' });
  const report = await readSandbox(link);
  await (report.place === 'embedded' ? upEmbedded(context, link) : upContainer(context, link, report));
  if (context.json) {
    const { embedded, place, sandbox } = await readSandbox(link);
    sayJson({ up: true, place, sandbox, embedded });
  } else {
    say('The sandbox is up.');
  }
  return 0;
}

async function upEmbedded({ given }: Context, link: HostLink): Promise<void> {
  let embedded = await link.call('embedded.start', null);
  if (embedded.state === 'needs-consent' && embedded.isolation.kind === 'none') {
    const { reason } = embedded.isolation;
    if (!given.flag('not-isolated')) {
      const repair = reason.repair ? ` ${reason.repair.text} ${reason.repair.command ?? ''}`.trimEnd() : '';
      await confirm(
        `Nothing isolates the embedded sandbox here: ${reason.message}${repair} Programs in it could do all that yours can. Start it all the same?`,
        '--not-isolated',
      );
    }
    embedded = await link.call('embedded.consent', { remember: false });
  }
  if (embedded.state === 'ready') return;
  throw embedded.error
    ? new CliFailure(embedded.error)
    : failure('sandbox_not_running', `The embedded sandbox is ${embedded.state}.`);
}

async function upContainer(context: Context, link: HostLink, report: SandboxReport): Promise<void> {
  const { engine, settings } = report;
  if (engine.state === 'unavailable') {
    const { error } = engine;
    const offer = 'Or work without an engine: lm-sandbox up --embedded';
    const repair = error.repair ?? { text: '', command: null };
    throw new CliFailure({ ...error, repair: { ...repair, text: `${offer}. ${repair.text}`.trimEnd() } });
  }
  const gpu = readGpu(context, settings);
  let { sandbox } = report;
  if (context.given.flag('build') || (sandbox.image.state === 'missing' && sandbox.phase === 'absent')) {
    if (!context.given.flag('build')) {
      throw failure('image_missing', `The image ${settings.imageName} has not been built yet.`, {
        text: 'Build it, which takes some minutes:',
        command: 'lm-sandbox up --build',
      });
    }
    await build({ ...context, json: false }, link);
    sandbox = await link.call('sandbox.status', null);
  }
  const exists = sandbox.container !== null;
  if (sandbox.phase === 'foreign') {
    throw sandbox.error
      ? new CliFailure(sandbox.error)
      : failure('name_in_use', 'The name belongs to another container.');
  }
  if (exists && context.given.flag('recreate')) await link.call('sandbox.recreate', { gpu });
  else if (!exists) await link.call('sandbox.create', { gpu });
  else if (['created', 'stopped', 'failed'].includes(sandbox.phase)) await link.call('sandbox.start', null);
  if (!context.json) note('· waiting until it is ready');
  const ended = ['healthy', 'unhealthy', 'stopped', 'failed', 'absent', 'unknown'];
  const now = await until(
    link,
    () => link.call('sandbox.status', null),
    ({ phase }) => ended.includes(phase),
    null,
  );
  if (now.phase === 'healthy') return;
  throw now.error
    ? new CliFailure(now.error)
    : failure('container_failed', `The sandbox is ${now.phase}.`, {
        text: 'Its log may say why:',
        command: 'lm-sandbox logs',
      });
}

function readGpu({ given }: Context, settings: Settings): GpuChoice {
  const wanted = given.value('gpu');
  if (wanted === null) return settings.gpu;
  if (wanted === 'all' || wanted === 'none') return wanted;
  throw usage(`“${wanted}” is no choice of GPUs: all or none.`, 'up');
}

export const downOptions = { host: 'flag' } as const;

/** Stops the sandbox; the container and its volumes stay. With --host also the host, where it runs in the background. */
export async function down(context: Context): Promise<number> {
  const link = await context.connect();
  const { place, sandbox } = await readSandbox(link);
  if (place === 'embedded') await link.call('embedded.stop', null);
  else if (['starting', 'healthy', 'unhealthy'].includes(sandbox.phase))
    await link.call('sandbox.stop', null);
  if (context.given.flag('host')) await link.call('host.end', null);
  if (context.json) sayJson({ up: false, place });
  else say('The sandbox is down.');
  return 0;
}
