/** Something that holds a resource. `dispose` may be called more than once. */
export interface Disposable {
  dispose(): void | Promise<void>;
}
