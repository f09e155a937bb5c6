import type { GbnfJsonSchema } from 'node-llama-cpp';
import type { JsonObject, JsonSchema } from '../../../services/models/ports';

type Json = JsonObject[string];

const anything: GbnfJsonSchema = {
  oneOf: [
    { type: 'string' },
    { type: 'number' },
    { type: 'boolean' },
    { type: 'null' },
    { type: 'object', additionalProperties: true },
    { type: 'array' },
  ],
};

/**
 * What may be left out. The library's grammar writes every property: `null` lets the model write null instead,
 * which `withoutLeftOut` takes away again; `written` has it always there, which is valid JSON of the schema, too.
 */
export type OptionalProperties = 'null' | 'written';

/**
 * A JSON Schema in the part of it that the library makes grammars from. What has no counterpart (`pattern`, `not`,
 * numeric limits, recursion) is not held by the grammar; the caller's own check decides there, as it must anyway.
 */
export function toGrammarSchema(schema: JsonSchema, optional: OptionalProperties): GbnfJsonSchema {
  return new Translation(schema, optional).translate(schema);
}

/** Takes away the nulls that stand for properties that were left out. */
export function withoutLeftOut(schema: JsonSchema, value: Json, root: JsonSchema = schema): Json {
  const resolved = resolve(schema, root, new Set());
  if (Array.isArray(value)) {
    const { items } = resolved;
    return isSchema(items) ? value.map((item) => withoutLeftOut(items, item, root)) : value;
  }
  if (value === null || typeof value !== 'object') return value;
  const variant = variantsOf(resolved)
    .map((each) => resolve(each, root, new Set()))
    .find((each) => isRecord(each['properties']) && hasKeysOf(each['properties'], value));
  const { properties } = variant ?? resolved;
  if (!isRecord(properties)) return value;
  const required = stringsOf((variant ?? resolved)['required']);
  const kept: { [key: string]: Json } = {};
  for (const [name, item] of Object.entries(value)) {
    const property = properties[name];
    if (!isSchema(property)) kept[name] = item;
    else if (item !== null || required.has(name) || admitsNull(property, root)) {
      kept[name] = withoutLeftOut(property, item, root);
    }
  }
  return kept;
}

/** Whether a null in JSON of this schema can stand for a property that was left out. */
export function hasOptionalProperties(schema: JsonSchema, root: JsonSchema = schema, depth = 0): boolean {
  if (depth > 16) return true;
  const resolved = resolve(schema, root, new Set());
  const within = (part: Json | undefined) => isSchema(part) && hasOptionalProperties(part, root, depth + 1);
  if (variantsOf(resolved).some(within) || within(resolved['items'])) return true;
  const { properties } = resolved;
  if (!isRecord(properties)) return false;
  const required = stringsOf(resolved['required']);
  return Object.entries(properties).some(([name, part]) => !required.has(name) || within(part));
}

class Translation {
  /** References being followed: one that leads to itself cannot be written out. */
  private readonly following: string[] = [];

  constructor(
    private readonly root: JsonSchema,
    private readonly optional: OptionalProperties,
  ) {}

  translate(schema: JsonSchema): GbnfJsonSchema {
    if (typeof schema === 'boolean') return anything;
    const reference = schema['$ref'];
    if (typeof reference === 'string') {
      const target = targetOf(reference, this.root);
      if (target === null || this.following.includes(reference)) return anything;
      this.following.push(reference);
      const translated = this.translate(target);
      this.following.pop();
      return translated;
    }
    const description =
      typeof schema['description'] === 'string' ? { description: schema['description'] } : {};
    const variants = variantsOf(schema);
    if (variants.length > 0) return { oneOf: variants.map((each) => this.translate(each)), ...description };
    if (Array.isArray(schema['allOf']))
      return { ...this.translate(merged(schema, this.root)), ...description };
    const constant = schema['const'];
    if (isPlain(constant)) return { const: constant, ...description };
    const values = schema['enum'];
    if (Array.isArray(values)) {
      const plain = values.filter(isPlain);
      return plain.length === values.length && plain.length > 0 ? { enum: plain, ...description } : anything;
    }
    const types = typesOf(schema);
    const [only, second] = types;
    if (only === undefined) return { ...anything, ...description };
    if (second !== undefined)
      return { oneOf: types.map((type) => this.ofType(type, schema)), ...description };
    return { ...this.ofType(only, schema), ...description };
  }

  private ofType(type: string, schema: JsonObject): GbnfJsonSchema {
    switch (type) {
      case 'object':
        return this.object(schema);
      case 'array': {
        const { items, minItems, maxItems } = schema;
        return {
          type: 'array',
          ...(isSchema(items) ? { items: this.translate(items) } : {}),
          ...(isCount(minItems) ? { minItems } : {}),
          ...(isCount(maxItems) ? { maxItems } : {}),
        };
      }
      case 'string': {
        const { format, minLength, maxLength } = schema;
        if (format === 'date-time' || format === 'date' || format === 'time')
          return { type: 'string', format };
        return {
          type: 'string',
          ...(isCount(minLength) ? { minLength } : {}),
          ...(isCount(maxLength) ? { maxLength } : {}),
        };
      }
      case 'integer':
      case 'number':
      case 'boolean':
      case 'null':
        return { type };
      default:
        return anything;
    }
  }

  private object(schema: JsonObject): GbnfJsonSchema {
    const { properties, additionalProperties } = schema;
    const further =
      typeof additionalProperties === 'boolean'
        ? additionalProperties
        : isSchema(additionalProperties)
          ? this.translate(additionalProperties)
          : null;
    if (!isRecord(properties) || Object.keys(properties).length === 0) {
      // Nothing is said about what is in it, so that everything may be.
      return { type: 'object', additionalProperties: further ?? true };
    }
    const required = stringsOf(schema['required']);
    const translated = Object.entries(properties).map(([name, part]): [string, GbnfJsonSchema] => {
      const property = isSchema(part) ? part : true;
      const grammar = this.translate(property);
      const leftOut = this.optional === 'null' && !required.has(name) && !admitsNull(property, this.root);
      return [name, leftOut ? orNull(grammar) : grammar];
    });
    return {
      type: 'object',
      properties: Object.fromEntries(translated),
      // A model that may add what nobody asked for does so without end; it may where that is said.
      ...(further === null || further === false ? {} : { additionalProperties: further }),
    };
  }
}

function orNull(schema: GbnfJsonSchema): GbnfJsonSchema {
  const either: GbnfJsonSchema = { oneOf: [schema, { type: 'null' }] };
  return schema.description === undefined ? either : { ...either, description: schema.description };
}

/** `allOf` in one: what all parts say together. */
function merged(schema: JsonObject, root: JsonSchema): JsonSchema {
  const { allOf, ...rest } = schema;
  const parts = (Array.isArray(allOf) ? allOf : [])
    .filter(isSchema)
    .map((part) => resolve(part, root, new Set()));
  let properties: { [key: string]: Json } = {};
  const required: string[] = [];
  let all: { [key: string]: Json } = {};
  for (const part of [...parts, rest]) {
    if (isRecord(part['properties'])) properties = { ...properties, ...part['properties'] };
    required.push(...stringsOf(part['required']));
    all = { ...all, ...part };
  }
  return Object.keys(properties).length > 0 ? { ...all, properties, required } : all;
}

/** A schema behind its references; one that leads nowhere says nothing. */
function resolve(schema: JsonSchema, root: JsonSchema, seen: Set<string>): JsonObject {
  if (typeof schema === 'boolean') return {};
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const target = targetOf(reference, root);
    if (target === null || seen.has(reference)) return {};
    return resolve(target, root, seen.add(reference));
  }
  if (!Array.isArray(schema['allOf'])) return schema;
  const whole = merged(schema, root);
  return typeof whole === 'boolean' ? {} : whole;
}

function targetOf(reference: string, root: JsonSchema): JsonSchema | null {
  if (!reference.startsWith('#')) return null;
  let at: Json = root;
  for (const part of reference.slice(1).split('/').filter(Boolean)) {
    if (!isRecord(at)) return null;
    const next: Json | undefined = at[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')];
    if (next === undefined) return null;
    at = next;
  }
  return isSchema(at) ? at : null;
}

function variantsOf(schema: JsonObject): readonly JsonSchema[] {
  for (const word of ['oneOf', 'anyOf']) {
    const variants = schema[word];
    if (Array.isArray(variants) && variants.length > 0) return variants.filter(isSchema);
  }
  return [];
}

function typesOf(schema: JsonObject): readonly string[] {
  const { type } = schema;
  const types = typeof type === 'string' ? [type] : [...stringsOf(type)];
  if (types.length === 0) {
    if (isRecord(schema['properties']) || schema['additionalProperties'] !== undefined) types.push('object');
    else if (schema['items'] !== undefined) types.push('array');
    else return [];
  }
  // OpenAPI's word for it.
  return schema['nullable'] === true && !types.includes('null') ? [...types, 'null'] : types;
}

function admitsNull(schema: JsonSchema, root: JsonSchema): boolean {
  const resolved = resolve(schema, root, new Set());
  if (resolved['const'] === null) return true;
  const values = resolved['enum'];
  if (Array.isArray(values)) return values.includes(null);
  if (resolved['const'] !== undefined) return false;
  const variants = variantsOf(resolved);
  if (variants.length > 0) return variants.some((each) => admitsNull(each, root));
  const types = typesOf(resolved);
  return types.length === 0 || types.includes('null');
}

function hasKeysOf(properties: { [key: string]: Json }, value: { [key: string]: Json }): boolean {
  return Object.keys(value).every((name) => name in properties);
}

function isRecord(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSchema(value: Json | undefined): value is JsonSchema {
  return typeof value === 'boolean' || isRecord(value);
}

function isPlain(value: Json | undefined): value is string | number | boolean | null {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function stringsOf(value: Json | undefined): Set<string> {
  return new Set(Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []);
}
