import { LmError, type ModelReference, type SandboxPlace } from '../../contract';
import type { RunningContainerSource } from '../container/running-container';
import type { LlmBackend } from './ports';

export interface BackendDeps {
  readonly backends: readonly LlmBackend[];
  /** Where the person works. */
  readonly place: () => SandboxPlace;
  readonly containers: RunningContainerSource;
}

/** The runtimes of the place where the person works: those in the container, or the embedded one. */
export function backendsOfPlace({ backends, place }: BackendDeps): readonly LlmBackend[] {
  const embedded = place() === 'embedded';
  return backends.filter((backend) => (backend.runtime === 'embedded') === embedded);
}

/** Throws where the runtime's place is not there: a container that does not run. The embedded one starts by itself. */
export function requirePlaceOf(backend: LlmBackend, { containers }: BackendDeps): void {
  if (backend.runtime !== 'embedded') containers.require();
}

/** @throws LmError `unsupported` for a model of the other place. */
export function backendOf(model: ModelReference, deps: BackendDeps): LlmBackend {
  const found = backendsOfPlace(deps).find((backend) => backend.runtime === model.runtime);
  if (found) return found;
  const where = model.runtime === 'embedded' ? 'the embedded sandbox' : 'the container';
  throw new LmError('unsupported', `${model.name} is a model of ${where}, which is not in use.`, {
    repair: { text: 'Choose another model for this conversation, or the other sandbox in the settings.' },
  });
}
