import type { z } from 'zod';
import type { GenerationOptions, Model, Runtime } from '../../contract';
import type { ChatTurn, Tool, toolChoiceSchema, ToolCall } from './chat-turns';

export {
  chatTurnSchema,
  jsonObjectSchema,
  jsonSchemaSchema,
  toolChoiceSchema,
  toolSchema,
  type ChatTurn,
  type JsonObject,
  type JsonSchema,
  type Tool,
  type ToolCall,
} from './chat-turns';

export interface ToolOffer {
  /** At least one, each with a name of its own. */
  readonly tools: readonly Tool[];
  readonly choice: z.infer<typeof toolChoiceSchema>;
}

export interface ChatRequest {
  readonly model: string;
  /** Oldest first; the last one is the question, or a tool's answer. */
  readonly turns: readonly ChatTurn[];
  readonly options: GenerationOptions;
  /** What the model may call; nothing where it is left out, and then a call fails the answer. */
  readonly offer?: ToolOffer;
}

/** What the runtime itself measured; null where it says nothing. */
export interface GenerationMetrics {
  readonly promptTokens: number | null;
  readonly answerTokens: number | null;
  /** Answer tokens per second of generation, without the time for the prompt. */
  readonly tokensPerSecond: number | null;
}

export type ChatEvent =
  | { readonly kind: 'content'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  /**
   * The model calls a tool that was offered. A call is told whole, and only when its answer is: nobody can act on
   * a part of one, and nobody should on one of an answer that failed. That the arguments are those of the
   * tool's schema is for whoever runs the tool to check.
   */
  | { readonly kind: 'call'; readonly call: ToolCall }
  | {
      readonly kind: 'finish';
      /** `calls`: the answer goes on after the tools have answered. */
      readonly reason: 'stop' | 'length' | 'calls' | 'unknown';
      readonly metrics: GenerationMetrics;
    };

/**
 * One model runtime, inside the running container or embedded. Every call rejects with an LmError: `container_not_running`,
 * `gateway_unreachable`, `gateway_unauthorized`, `model_server_unavailable`, `model_not_found`,
 * `model_load_failed`, `out_of_memory`, `cancelled` when `signal` was aborted.
 */
export interface LlmBackend {
  readonly runtime: Runtime;
  /** Version as the runtime reports it, or null when it answers but does not say. */
  version(signal: AbortSignal): Promise<string | null>;
  /** Its models, with where each one lies right now. */
  list(signal: AbortSignal): Promise<readonly Model[]>;
  /** Resolves when the model is in memory. */
  load(name: string, signal: AbortSignal): Promise<void>;
  /** Resolves when the model's memory was given back. */
  unload(name: string, signal: AbortSignal): Promise<void>;
  /** Deletes the model's files. */
  remove(name: string, signal: AbortSignal): Promise<void>;
  /**
   * Streams one answer. It ends after exactly one `finish`, or throws an LmError, `context_overflow` and
   * `generation_failed` among them; `unsupported` where model or runtime cannot do what is asked of tools. Aborting `signal` closes the connection, which makes the runtime stop.
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  /**
   * Called after an abort: resolves with true when no more than `othersRunning` answers are being made for the
   * model, with false when that could not be seen within `withinMs`, with null when the runtime does not tell.
   */
  released(name: string, othersRunning: number, withinMs: number): Promise<boolean | null>;
}

export interface PullProgress {
  /** What the runtime says it does, such as `pulling manifest`. */
  readonly phase: string;
  /** The piece that the byte counts belong to; null for phases without one. */
  readonly layer: string | null;
  readonly completedBytes: number | null;
  readonly totalBytes: number | null;
}

/** Fetches models from a registry into the runtime. */
export interface ModelPuller {
  /**
   * Ends normally when the model is usable; else throws an LmError: `registry_unreachable`, `model_not_found`,
   * `disk_full` or those of `LlmBackend`. Aborting `signal` closes the connection; a later pull goes on where
   * this one ended.
   */
  pull(name: string, insecure: boolean, signal: AbortSignal): AsyncIterable<PullProgress>;
}

/** A GGUF file on its way into the container. */
export interface ModelUpload {
  /** Resolves when the bytes were handed on and there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when the whole file is in its place in the container. */
  finish(): Promise<void>;
  /** Drops the upload; resolves when nothing of it is left behind. */
  abort(): Promise<void>;
}

export interface ModelImporter {
  /** Opens an upload; failures, also those of `disk_full` and `conflict`, show at `write` and `finish`. */
  open(fileName: string, sizeBytes: number): ModelUpload;
}
