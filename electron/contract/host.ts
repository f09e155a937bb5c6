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

export const hostMethods = {
  'host.describe': method({ input: nothingSchema, output: hostDescriptionSchema }),
  /** Ends a host that was started in the background, with all that it runs; `unsupported` for any other. */
  'host.end': method({ input: nothingSchema, output: nothingSchema, errors: ['unsupported'] }),
};
