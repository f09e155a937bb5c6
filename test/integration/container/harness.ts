import { expect } from 'vitest';
import {
  defaultSettings,
  LmError,
  type EngineState,
  type SandboxStatus,
  type Settings,
} from '../../../electron/contract';
import { createEngineFinder } from '../../../electron/adapters/docker';
import { EngineService, SandboxService } from '../../../electron/services/container';
import type { AdoptionStore, EngineFinder, GatewayHealth } from '../../../electron/services/container/ports';
import { createLogger, silentLogger, systemClock, type Emitter } from '../../../electron/services/foundation';
import { SettingsService, type SettingsStore } from '../../../electron/services/settings';

export function memorySettingsStore(settings: Partial<Settings>): SettingsStore {
  let text = JSON.stringify({ version: 1, settings: { ...defaultSettings, ...settings } });
  return {
    read: () => Promise.resolve([{ generation: 0, place: 'memory', text }]),
    setAside: () => Promise.resolve('memory'),
    write: (next) => {
      text = next;
      return Promise.resolve();
    },
  };
}

export function memoryAdoption(): AdoptionStore {
  let adopted: string | null = null;
  return {
    read: () => Promise.resolve(adopted),
    write: (id) => {
      adopted = id;
      return Promise.resolve();
    },
  };
}

/** A computer whose only engine is the one at `host`. */
export function finderFor(host: string): EngineFinder {
  return createEngineFinder({
    env: { DOCKER_HOST: host, PATH: process.env['PATH'] },
    homeFolder: '/nonexistent',
    userId: 0,
    platform: 'linux',
  });
}

const noGateway: GatewayHealth = {
  read: () => Promise.reject(new LmError('gateway_unreachable', 'These containers have no gateway.')),
};

export interface Harness {
  readonly engines: EngineService;
  readonly sandbox: SandboxService;
  readonly settings: SettingsService;
  dispose(): void;
}

/** The services as create-host builds them, on a real engine, with the gateway and files left out. */
export async function createHarness(options: {
  readonly finder: EngineFinder;
  readonly settings?: Partial<Settings>;
  readonly gatewayHealth?: GatewayHealth;
  readonly onImageReleased?: (imageId: string) => void;
}): Promise<Harness> {
  const logger = process.env['LM_TEST_LOG'] ? createLogger((record) => console.error(record)) : silentLogger;
  const clock = systemClock;
  const settings = await SettingsService.open({ store: memorySettingsStore(options.settings ?? {}), logger });
  const engines = new EngineService({ finder: options.finder, settings, clock, logger });
  const sandbox = new SandboxService({
    engines,
    settings,
    gatewayHealth: options.gatewayHealth ?? noGateway,
    adoption: memoryAdoption(),
    imageRevision: () => Promise.resolve('test'),
    onImageReleased: options.onImageReleased ?? (() => undefined),
    clock,
    logger,
  });
  engines.start();
  return {
    engines,
    sandbox,
    settings,
    dispose: () => {
      sandbox.dispose();
      engines.dispose();
      settings.dispose();
    },
  };
}

/** Resolves with the first value, now or later, that fulfils `condition`; rejects with the last one seen. */
export function when<T>(
  now: T,
  changes: Pick<Emitter<T>, 'on'>,
  condition: (value: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  if (condition(now)) return Promise.resolve(now);
  return new Promise((resolve, reject) => {
    let last = now;
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`Not within ${timeoutMs} ms. Last: ${JSON.stringify(last)}`));
    }, timeoutMs);
    const stop = changes.on((value) => {
      last = value;
      if (!condition(value)) return;
      clearTimeout(timer);
      stop();
      resolve(value);
    });
  });
}

export const whenSandbox = (
  harness: Harness,
  condition: (status: SandboxStatus) => boolean,
  timeoutMs?: number,
) => when(harness.sandbox.status(), harness.sandbox.onStatusChanged, condition, timeoutMs);

export const whenEngine = (
  harness: Harness,
  condition: (state: EngineState) => boolean,
  timeoutMs?: number,
) => when(harness.engines.state(), harness.engines.onChanged, condition, timeoutMs);

// vitest gives its matchers as `any`, which must not spread into the expectations.
export const containing = (text: string): unknown => expect.stringContaining(text);
export const anyOf = (kind: typeof Number | typeof String): unknown => expect.any(kind);
export const includingAll = (values: readonly unknown[]): unknown => expect.arrayContaining([...values]);
