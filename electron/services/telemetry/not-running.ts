import { toLmError, type ErrorData } from '../../contract';
import type { RunningContainerSource } from '../container/running-container';

/** Why no container runs, in the sandbox's own words; null when one does. */
export function describeNotRunning(running: RunningContainerSource): ErrorData | null {
  try {
    running.require();
    return null;
  } catch (error) {
    return toLmError(error).data;
  }
}
