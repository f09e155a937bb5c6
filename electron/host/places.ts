import type { SandboxPlace } from '../contract';
import type { RunningContainer, RunningContainerSource } from '../services/container/running-container';
import type { EmbeddedService } from '../services/embedded';
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
  return { open: (size) => (deps.place() === 'embedded' ? deps.embedded : container).open(size) };
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
