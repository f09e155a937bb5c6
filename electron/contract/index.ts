import type { z } from 'zod';
import { appEvents, appMethods } from './app';
import { chatEvents, chatMethods, chatStreams } from './chat';
import { commandMethods, commandStreams } from './commands';
import { doorEvents, doorMethods, doorStreams } from './door';
import { embeddedEvents, embeddedMethods } from './embedded';
import { engineEvents, engineMethods } from './engine';
import { hostMethods } from './host';
import { localApiEvents, localApiMethods } from './local-api';
import { imageEvents, imageMethods, imageStreams } from './image';
import { modelEvents, modelMethods } from './models';
import { sandboxEvents, sandboxMethods } from './sandbox';
import { settingsEvents, settingsMethods } from './settings';
import { starterEvents, starterMethods } from './starter';
import { telemetryStreams } from './telemetry';
import { terminalEvents, terminalMethods, terminalStreams } from './terminal';

export * from './app';
export * from './chat';
export * from './commands';
export * from './common';
export * from './define';
export * from './door';
export * from './door-paths';
export * from './embedded';
export * from './engine';
export * from './errors';
export * from './host';
export * from './image';
export * from './limits';
export * from './local-api';
export * from './models';
export * from './sandbox';
export * from './protocol-version';
export * from './settings';
export * from './starter';
export * from './stream-sink';
export * from './telemetry';
export * from './terminal';

/** Every call, stream and event that crosses between page and host, declared once. */
export const contract = {
  methods: {
    ...hostMethods,
    ...appMethods,
    ...settingsMethods,
    ...engineMethods,
    ...sandboxMethods,
    ...embeddedMethods,
    ...imageMethods,
    ...terminalMethods,
    ...commandMethods,
    ...chatMethods,
    ...modelMethods,
    ...starterMethods,
    ...doorMethods,
    ...localApiMethods,
  },
  streams: {
    ...imageStreams,
    ...terminalStreams,
    ...commandStreams,
    ...chatStreams,
    ...telemetryStreams,
    ...doorStreams,
  },
  events: {
    ...appEvents,
    ...settingsEvents,
    ...engineEvents,
    ...sandboxEvents,
    ...embeddedEvents,
    ...imageEvents,
    ...terminalEvents,
    ...chatEvents,
    ...modelEvents,
    ...starterEvents,
    ...doorEvents,
    ...localApiEvents,
  },
} as const;

export type Contract = typeof contract;
export type MethodName = keyof Contract['methods'];
export type StreamName = keyof Contract['streams'];
export type EventName = keyof Contract['events'];

export type MethodInput<N extends MethodName> = z.infer<Contract['methods'][N]['input']>;
export type MethodOutput<N extends MethodName> = z.infer<Contract['methods'][N]['output']>;
export type StreamInput<N extends StreamName> = z.infer<Contract['streams'][N]['input']>;
export type StreamChunk<N extends StreamName> = z.infer<Contract['streams'][N]['chunk']>;
export type EventPayload<N extends EventName> = z.infer<Contract['events'][N]['payload']>;
