import type { Sampling } from '../../contract';
import type { CatalogModel } from './ports';

/**
 * What the authors of a starter model recommend, by the name that its file gives it, whichever mirror that came from;
 * undefined for any other model. By name, since nothing else is left of a file's origin after a restart or an import.
 */
export function recommendedSampling(
  catalog: readonly CatalogModel[],
): (modelName: string) => Sampling | undefined {
  const known = new Map(
    catalog.flatMap(({ mirrors, sampling }) =>
      mirrors.map(({ file }) => [file.name.replace(/\.gguf$/i, ''), sampling] as const),
    ),
  );
  return (modelName) => known.get(modelName);
}
