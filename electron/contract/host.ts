import { z } from 'zod';
import { method } from './define';
import { nothingSchema } from './common';

export const hostDescriptionSchema = z.object({
  appVersion: z.string(),
  nodeVersion: z.string(),
  platform: z.string(),
  architecture: z.string(),
  hostname: z.string(),
  /** Where settings and conversations are kept. */
  dataFolder: z.string(),
  door: z.enum(['desktop', 'headless', 'test']),
});
export type HostDescription = z.infer<typeof hostDescriptionSchema>;

/** Why a host that was started in the background does not end by itself. */
export const hostNeedSchema = z.object({
  kind: z.enum([
    'connection',
    'command',
    'terminal',
    'embedded-sandbox',
    'container-operation',
    'image-build',
    'model-download',
    'answer',
    'browser-door',
  ]),
  count: z.number().int().positive(),
});
export type HostNeed = z.infer<typeof hostNeedSchema>;

export const hostMethods = {
  'host.describe': method({ input: nothingSchema, output: hostDescriptionSchema }),
  /** Ends a host that was started in the background, with all that it runs; `unsupported` for any other. */
  'host.end': method({ input: nothingSchema, output: nothingSchema, errors: ['unsupported'] }),
  /**
   * Ends it where nothing is needed of it but this connection, and then takes nobody on from the moment that this was
   * found; else tells what is. `unsupported` as above.
   */
  'host.endIfUnneeded': method({
    input: nothingSchema,
    output: z.object({ neededBy: z.array(hostNeedSchema) }),
    errors: ['unsupported'],
  }),
};
