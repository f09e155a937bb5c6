import '@xterm/xterm/css/xterm.css';

export { TerminalPane } from './terminal-pane';
