/** Of length 1, as llama-server gives vectors; one without a length stays as it is. */
export function unitVector(values: readonly number[]): readonly number[] {
  const length = Math.hypot(...values);
  return length > 0 ? values.map((value) => value / length) : values;
}
