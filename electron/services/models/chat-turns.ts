import { z } from 'zod';

/** A JSON Schema, or a part of one. */
export type JsonSchema = boolean | JsonObject;
export interface JsonObject {
  [key: string]: z.core.util.JSONType;
}

export const jsonObjectSchema: z.ZodType<JsonObject, JsonObject> = z.record(z.string(), z.json());
export const jsonSchemaSchema: z.ZodType<JsonSchema, JsonSchema> = z.union([z.boolean(), jsonObjectSchema]);

export const toolSchema = z.object({
  name: z.string().min(1),
  description: z.string().nullable(),
  /** Null: it takes none. */
  parameters: jsonSchemaSchema.nullable(),
});
/** A function that the model may call, as OpenAI's interface describes it. */
export type Tool = z.infer<typeof toolSchema>;

/** `required`: the answer is a call of one of the tools. */
export const toolChoiceSchema = z.enum(['auto', 'required']);

export const toolCallSchema = z.object({
  /** Unique in its conversation; the tool's answer names it. */
  id: z.string(),
  name: z.string().min(1),
  arguments: jsonObjectSchema,
});
export type ToolCall = z.infer<typeof toolCallSchema>;

export const chatTurnSchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: z.string() }),
  z.object({ role: z.literal('user'), content: z.string() }),
  z.object({
    role: z.literal('assistant'),
    content: z.string(),
    /** What the model called in that answer. */
    calls: z.array(toolCallSchema).default([]),
  }),
  /** What a tool answered to the call of that id. */
  z.object({ role: z.literal('tool'), callId: z.string(), content: z.string() }),
]);
/** As it is sent; what has a default may be left out. */
export type ChatTurn = z.input<typeof chatTurnSchema>;
