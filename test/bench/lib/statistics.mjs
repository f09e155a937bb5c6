/** @param {readonly number[]} values */
export function median(values) {
  return percentile(values, 50);
}

/**
 * @param {readonly number[]} values At least one.
 * @param {number} percent 0 to 100; between two values it is interpolated.
 */
export function percentile(values, percent) {
  if (values.length === 0) throw new Error('There is no percentile of nothing.');
  const sorted = [...values].sort((first, second) => first - second);
  const place = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
