/**
 * All that the rpc layer asks of a connection. Frames are plain data with Uint8Array for bytes; they arrive in
 * order or not at all. What arrives is unknown until it was parsed.
 */
export interface Transport {
  send(frame: unknown): void;
  /** One listener; frames that came before it was set are kept for it. */
  onFrame(listener: (frame: unknown) => void): void;
  /** Fires once, also when closed from this side. */
  onClose(listener: () => void): void;
  close(): void;
}
