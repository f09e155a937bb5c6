import type { ContainerEngine, ContainerInspection } from '../ports';

/** What a container is called while another one takes its place. */
export function replacedName({ id, name }: Pick<ContainerInspection, 'id' | 'name'>): string {
  return `${name}-replaced-${id.slice(0, 12)}`;
}

/** What recreating a container of this name has put aside, the one that was in use last first. */
export async function findReplaced(
  engine: ContainerEngine,
  name: string,
): Promise<readonly ContainerInspection[]> {
  const found = await engine.findContainers(`${name}-replaced-`);
  return found
    .filter((container) => container.name === replacedName({ id: container.id, name }))
    .sort((one, other) => (other.startedAtMs ?? 0) - (one.startedAtMs ?? 0));
}
