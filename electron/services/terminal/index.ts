export { TerminalService } from './terminal-service';
export type {
  Pty,
  PtyBackend,
  PtyEnd,
  PtyProgram,
  ScreenMirror,
  ScreenMirrorFactory,
  TerminalSize,
} from './ports';
