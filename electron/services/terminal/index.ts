export { TerminalService } from './terminal-service';
export type { Pty, PtyBackend, PtyEnd, ScreenMirror, ScreenMirrorFactory, TerminalSize } from './ports';
