export { starterCatalog } from './catalog';
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
