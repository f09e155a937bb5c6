import type { SandboxPlace } from '../contract';
import type { CommandBackend } from '../services/commands';
import type { EngineService, SandboxService } from '../services/container';
import type { RunningContainer, RunningContainerSource } from '../services/container/running-container';
import type { EmbeddedService } from '../services/embedded';
import type { Clock } from '../services/foundation';
import type { GpuProbe } from '../services/gpu';
import type { ModelImporter } from '../services/models';
import type { ContainerStatsSource } from '../services/telemetry';
import type { PtyBackend } from '../services/terminal';

/** How services that know containers name the embedded sandbox; no engine gives out such an id. */
const embeddedId = 'embedded';

export interface PlaceDeps {
  readonly place: () => SandboxPlace;
  /** Called after any change of the settings. */
  readonly onSettingsChanged: (listener: () => void) => () => void;
  readonly container: RunningContainerSource;
  readonly embedded: EmbeddedService;
}

/** Shells open where the settings say that the person works. Those that are open stay where they are. */
export function shellsByPlace(deps: PlaceDeps, container: PtyBackend): PtyBackend {
  return {
    open: (size, program) => (deps.place() === 'embedded' ? deps.embedded : container).open(size, program),
  };
}

/** Likewise for single commands. */
export function commandsByPlace(
  { place }: PlaceDeps,
  container: CommandBackend,
  embedded: CommandBackend,
): CommandBackend {
  return {
    start: (wish, handlers) => (place() === 'embedded' ? embedded : container).start(wish, handlers),
  };
}

/** How long a caller waits for a host that has just started, or a container that is starting. */
const knownWithinMs = 30_000;

/** Resolves when it is known whether a container runs, and one that is starting has started; or after a while. */
export function whenContainerKnown(
  engines: Pick<EngineService, 'state' | 'onChanged'>,
  sandbox: Pick<SandboxService, 'status' | 'onStatusChanged'>,
  clock: Clock,
): Promise<void> {
  const known = () => {
    const { state } = engines.state();
    if (state !== 'connected') return state === 'unavailable';
    const { phase } = sandbox.status();
    return phase !== 'unknown' && phase !== 'starting';
  };
  if (known()) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      for (const each of stop) each();
      resolve();
    };
    const look = () => {
      if (known()) finish();
    };
    const stop = [
      engines.onChanged.on(look),
      sandbox.onStatusChanged.on(look),
      clock.after(knownWithinMs, finish),
    ];
  });
}

/** What telemetry follows: the container, or the embedded sandbox as if it were one. It has no gateway. */
export function runningByPlace({
  place,
  onSettingsChanged,
  container,
  embedded,
}: PlaceDeps): RunningContainerSource {
  const ofEmbedded = (): RunningContainer | null => {
    const run = embedded.current();
    return (
      run && { containerId: embeddedId, runId: run.runId, gatewayUrl: '', gatewayToken: '', gpuChoice: 'all' }
    );
  };
  const current = () => (place() === 'embedded' ? ofEmbedded() : container.current());
  return {
    current,
    require: () => {
      if (place() === 'container') return container.require();
      embedded.requireRun();
      return ofEmbedded() ?? container.require();
    },
    onChanged: (listener) => {
      const tell = () => listener(current());
      let known = place();
      const stop = [
        onSettingsChanged(() => {
          if (place() === known) return;
          known = place();
          tell();
        }),
        container.onChanged(() => place() === 'container' && tell()),
        embedded.onRunChanged.on(() => place() === 'embedded' && tell()),
      ];
      return () => {
        for (const each of stop) each();
      };
    },
  };
}

/** Statistics of a container from its engine, of the embedded sandbox from this computer. */
export function statsByPlace(
  container: ContainerStatsSource,
  computer: ContainerStatsSource,
): ContainerStatsSource {
  return {
    watch: (id, handlers) => (id === embeddedId ? computer : container).watch(id, handlers),
  };
}

export function gpusByPlace(container: GpuProbe, computer: GpuProbe): GpuProbe {
  return {
    watch: (id, handlers) => (id === embeddedId ? computer : container).watch(id, handlers),
  };
}

/** Model files from a page go into the container, or into the folder of the embedded models. */
export function importerByPlace(
  { place }: PlaceDeps,
  container: ModelImporter,
  folder: ModelImporter,
): ModelImporter {
  return {
    open: (fileName, sizeBytes) => (place() === 'embedded' ? folder : container).open(fileName, sizeBytes),
  };
}
