import { z } from 'zod';
import { event, method } from './define';
import { errorDataSchema } from './errors';
import { sandboxPlaceSchema } from './embedded';
import { byteCountSchema, nothingSchema, revisionSchema } from './common';
import { gpuChoiceSchema } from './sandbox';

const containerNameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/, 'Letters, digits, dot, dash and underscore, at most 64');
const imageNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]+([._/-][a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$/,
    'An image reference such as lm-docker',
  );

/** Ports above 1023 that fetch never connects to (https://fetch.spec.whatwg.org/#port-blocking). */
const portsRefusedByFetch = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);

const portSchema = z
  .number()
  .int()
  .min(1)
  .max(65535)
  .refine(
    (port) => !portsRefusedByFetch.has(port),
    'HTTP clients refuse this port; choose another, such as 8000',
  );

export const settingsSchema = z.object({
  sandboxPlace: sandboxPlaceSchema,
  /** Whether programs in the embedded sandbox reach the network, which then is the computer's own. */
  embeddedNetwork: z.boolean(),
  /** Set by the person: shells that nothing isolates are opened without asking at every start. */
  embeddedWithoutIsolation: z.boolean(),
  /** Whether the embedded sandbox has an HTTP API, on this port of 127.0.0.1. */
  localApi: z.boolean(),
  localApiPort: portSchema,
  /** Null: look for an engine as described in the README; else use only this one. */
  engineUrl: z
    .string()
    .regex(/^(unix:\/\/\/|tcp:\/\/|https?:\/\/|ssh:\/\/).+/, 'Starts with unix:///, tcp:// or ssh://')
    .nullable(),
  containerName: containerNameSchema,
  imageName: imageNameSchema,
  /** Port on 127.0.0.1 of the host that the gateway is published on. */
  hostPort: portSchema,
  workspaceVolume: containerNameSchema,
  modelsVolume: containerNameSchema,
  gpu: gpuChoiceSchema,
  memoryLimitBytes: byteCountSchema.min(512 * 1024 * 1024).nullable(),
  cpuLimit: z.number().positive().max(1024).nullable(),
  pidsLimit: z.number().int().min(64).max(1_000_000),
  /** Folder whose *.crt files the image build trusts beside the public ones; null: the system's own folder. */
  extraCertificatesFolder: z.string().max(4096).nullable(),
  theme: z.enum(['light', 'dark', 'system']),
  terminalFontSize: z.number().int().min(8).max(32),
  /** Name of a terminal colour scheme known to the page; `app` follows the app's theme. */
  terminalTheme: z.enum(['app', 'light', 'dark', 'solarized-dark', 'high-contrast']),
  /** Warn before a paste with line breaks goes to a shell that has no bracketed paste. */
  confirmMultiLinePaste: z.boolean(),
  /** The desktop app lets browsers in too, and keeps running for them when its window is closed. */
  browserAccess: z.boolean(),
});
export type Settings = z.infer<typeof settingsSchema>;

/** The customer's names are the defaults. */
export const defaultSettings: Settings = {
  sandboxPlace: 'container',
  embeddedNetwork: false,
  embeddedWithoutIsolation: false,
  localApi: false,
  localApiPort: 8010,
  engineUrl: null,
  containerName: 'lm_container',
  imageName: 'lm-docker',
  hostPort: 8000,
  workspaceVolume: 'lm_workspace',
  modelsVolume: 'lm_models',
  gpu: 'all',
  memoryLimitBytes: null,
  cpuLimit: null,
  pidsLimit: 4096,
  extraCertificatesFolder: null,
  theme: 'system',
  terminalFontSize: 13,
  terminalTheme: 'app',
  confirmMultiLinePaste: true,
  browserAccess: false,
};

export const settingsStateSchema = z.object({
  revision: revisionSchema,
  settings: settingsSchema,
  /** Set when the settings file could not be read and a good copy or the defaults took its place. */
  error: errorDataSchema.nullable(),
});
export type SettingsState = z.infer<typeof settingsStateSchema>;

export const settingsMethods = {
  'settings.get': method({ input: nothingSchema, output: settingsStateSchema }),
  'settings.update': method({
    input: settingsSchema.partial(),
    output: settingsStateSchema,
    errors: ['storage_failed', 'disk_full'],
  }),
};

export const settingsEvents = { 'settings.changed': event(settingsStateSchema) };
