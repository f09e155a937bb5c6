/** The one function used here; the package brings no declarations. */
declare module 'js-yaml' {
  export function load(text: string): unknown;
}
