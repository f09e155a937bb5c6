export { starterCatalog } from './catalog';
export { recommendedSampling } from './recommended-sampling';
export { StarterService, type StarterServiceDeps } from './starter-service';
export type {
  CatalogModel,
  FetchProgress,
  Mirror,
  MirrorFetcher,
  MirrorFile,
  PackageMirror,
  StarterFiles,
} from './ports';
