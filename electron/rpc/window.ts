/**
 * Flow control of one stream, in bytes. The producer pauses above the window and resumes at a quarter of it; the
 * consumer hands credit back in quanta of an eighth. A quantum above the resume mark could leave the producer
 * paused for ever while the consumer keeps its last credits to itself, so that is asserted.
 */
export function windowMarks(windowBytes: number): { resumeBytes: number; creditQuantumBytes: number } {
  const resumeBytes = Math.floor(windowBytes / 4);
  const creditQuantumBytes = Math.max(1, Math.floor(windowBytes / 8));
  if (creditQuantumBytes > Math.max(1, resumeBytes)) {
    throw new Error('The credit quantum must not exceed the resume mark.');
  }
  return { resumeBytes, creditQuantumBytes };
}
