export { CommandsService, type CommandsServiceDeps } from './commands-service';
export { createEmbeddedCommands, type EmbeddedCommandsDeps } from './embedded-commands';
export type {
  CommandBackend,
  CommandChannel,
  CommandEnd,
  CommandHandlers,
  CommandWish,
  LocalProcess,
  ProcessStarter,
  RunningCommand,
} from './ports';
