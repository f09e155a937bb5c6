import { z } from 'zod';
import { event, method } from './define';
import { nothingSchema } from './common';

/** What the native menu can ask of the page; the page's command registry has an entry for each. */
export const menuCommandSchema = z.enum([
  'terminal.new',
  'terminal.close',
  'terminal.find',
  'chat.new',
  'view.terminal',
  'view.chat',
  'view.dashboard',
  'view.sandbox',
  'view.resetLayout',
  'terminal.increaseFontSize',
  'terminal.decreaseFontSize',
  'terminal.resetFontSize',
  'app.palette',
  'app.settings',
  'app.shortcuts',
]);
export type MenuCommand = z.infer<typeof menuCommandSchema>;

export const appMethods = {
  /** Opens a web page in the person's browser, after the page asked them. Only https passes. */
  'app.openExternal': method({
    input: z.object({
      url: z
        .string()
        .max(2048)
        .refine(
          (url) => URL.canParse(url) && new URL(url).protocol === 'https:',
          'Only https addresses are opened',
        ),
    }),
    output: nothingSchema,
    errors: ['unsupported'],
  }),
};

export const appEvents = {
  /** The person chose an entry of the window's native menu; sent to that window only. */
  'app.commandInvoked': event(z.object({ command: menuCommandSchema })),
};
