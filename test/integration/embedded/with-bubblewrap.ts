import { describe, it } from 'vitest';
import { whyNoBubblewrap } from './harness';

const obstacle = await whyNoBubblewrap();

/** A suite that needs bubblewrap; where there is none, one test that is skipped with the reason. */
export function describeWithBubblewrap(title: string, suite: () => void): void {
  if (obstacle === null) describe(title, suite);
  else describe(title, () => it('is tested', ({ skip }) => skip(obstacle)));
}
