/** Joins the class names that are set: `classNames(styles.row, selected && styles.selected, className)`. */
export function classNames(...names: readonly (string | false | null | undefined)[]): string | undefined {
  const set = names.filter(Boolean);
  return set.length > 0 ? set.join(' ') : undefined;
}
