/** Largest frame a transport accepts; a larger one closes the connection. */
export const maxFrameBytes = 8 * 1024 * 1024;
/** Largest piece of keyboard or paste input in one call. */
export const maxTerminalInputBytes = 1024 * 1024;
/** Largest piece of a command's standard input in one call. */
export const maxCommandInputBytes = 1024 * 1024;
/** Commands that run beside each other, for all callers together. */
export const maxCommands = 64;
/** Size of the pieces in which a page hands a GGUF file to the host. */
export const importChunkBytes = 1024 * 1024;
export const maxTerminals = 32;
/** Lines above the screen that a terminal keeps, in the host's mirror and in every page alike. */
export const terminalScrollbackLines = 5_000;
export const maxTerminalColumns = 1_000;
export const maxTerminalRows = 500;
export const maxChatTextLength = 1_000_000;
/** Seconds of container and GPU history the host keeps and gives to a page that opens. */
export const telemetryHistorySeconds = 300;
/** Container log lines the host keeps for a page that opens. */
export const maxLogLines = 10_000;
