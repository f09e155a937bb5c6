import { toLmError, type ErrorData, type SandboxPart } from '../../../contract';
import { Emitter, type Clock, type Disposable } from '../../foundation';
import type { GatewayHealth } from '../ports';
import { waitFor } from '../wait';

const startingIntervalMs = 2_000;
const steadyIntervalMs = 5_000;
const readTimeoutMs = 2_000;
/** A first start may unpack and index; after this silence something is wrong. */
const startGraceMs = 90_000;
/** One missed answer under load is not yet a failure. */
const tolerableFailures = 2;

export interface GatewayTarget {
  /** A new run of the container starts from nothing. */
  readonly runId: string;
  readonly url: string;
  readonly token: string;
}

export interface GatewayObservation {
  readonly status: 'starting' | 'ok' | 'failing';
  readonly parts: readonly SandboxPart[];
  readonly error: ErrorData | null;
}

const nothingKnown: GatewayObservation = { status: 'starting', parts: [], error: null };

/** Asks the gateway of the running container how its parts are, while there is one. */
export class GatewayWatch implements Disposable {
  readonly onChanged: Emitter<GatewayObservation>;
  private observation = nothingKnown;
  private target: GatewayTarget | null = null;
  private stop: AbortController = new AbortController();

  constructor(
    private readonly deps: { readonly health: GatewayHealth; readonly clock: Clock },
    onListenerError?: (error: unknown) => void,
  ) {
    this.onChanged = new Emitter(onListenerError);
  }

  current(): GatewayObservation {
    return this.observation;
  }

  /** Follows this run from now on; null: none. */
  follow(target: GatewayTarget | null): void {
    if (target?.runId === this.target?.runId) return;
    this.stop.abort();
    this.stop = new AbortController();
    this.target = target;
    this.observation = nothingKnown;
    if (target) void this.poll(target, this.stop.signal);
  }

  dispose(): void {
    this.stop.abort();
    this.onChanged.clear();
  }

  private async poll(target: GatewayTarget, signal: AbortSignal): Promise<void> {
    const startedAtMs = this.deps.clock.nowMs();
    let failures = 0;
    let answered = false;
    while (!signal.aborted) {
      try {
        const report = await this.deps.health.read({ ...target, timeoutMs: readTimeoutMs, signal });
        if (signal.aborted) return;
        failures = 0;
        answered ||= report.ok;
        const status = report.ok ? 'ok' : answered ? 'failing' : 'starting';
        this.publish({ status, parts: report.parts, error: null });
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        const { data } = toLmError(error);
        const waitedMs = this.deps.clock.nowMs() - startedAtMs;
        const isFailing = answered ? failures > tolerableFailures : waitedMs > startGraceMs;
        // A wrong token does not become right by waiting.
        if (isFailing || data.code === 'gateway_unauthorized') {
          this.publish({ status: 'failing', parts: this.observation.parts.map(unknownPart), error: data });
        }
      }
      const delayMs = this.observation.status === 'ok' ? steadyIntervalMs : startingIntervalMs;
      await waitFor(this.deps.clock, delayMs, signal);
    }
  }

  private publish(observation: GatewayObservation): void {
    if (JSON.stringify(observation) === JSON.stringify(this.observation)) return;
    this.observation = observation;
    this.onChanged.emit(observation);
  }
}

function unknownPart(part: SandboxPart): SandboxPart {
  return { ...part, state: 'unknown' };
}
