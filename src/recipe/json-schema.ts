import * as z from 'zod';
import { defined } from '../domain/defined.ts';
import {
  bindingsSchema,
  causesSchema,
  conformanceSchema,
  defaultsSchema,
  differencesSchema,
  extendingSchema,
  imageSchema,
  libcSchema,
  librarySchema,
  profileSchema,
  pythonSchema,
  recipeSchema,
  runtimeSchema,
  shippedSchema,
  sysrootSchema,
  systemSchema,
  targetSchema,
  tiersSchema,
} from './schemas.ts';

/** The part of JSON Schema (draft 7, which editors know best) that the schemas here come out as. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

export interface FileKind {
  /** Its name in error messages. */
  readonly noun:
    | 'recipe'
    | 'shipped recipe'
    | 'recipe defaults'
    | 'extending recipe'
    | 'target'
    | 'C library'
    | 'system'
    | 'Python'
    | 'bindings'
    | 'image'
    | 'sysroot'
    | 'library'
    | 'runtime'
    | 'conformance'
    | 'differences'
    | 'causes'
    | 'profile'
    | 'tiers';
  /** Where such files are, from the tool's own folder. */
  readonly where: string;
  /** Checked-in JSON Schema of it, from the tool's own folder. */
  readonly schemaFile: string;
  readonly schema: z.ZodType;
}

export const RECIPE: FileKind = {
  noun: 'recipe',
  where: '<name>.yaml',
  schemaFile: 'recipes/schema.json',
  schema: recipeSchema,
};
export const SHIPPED: FileKind = {
  noun: 'shipped recipe',
  where: 'recipes/*.yaml',
  schemaFile: 'recipes/shipped.schema.json',
  schema: shippedSchema,
};
export const DEFAULTS: FileKind = {
  noun: 'recipe defaults',
  where: 'recipes/defaults.yaml',
  schemaFile: 'recipes/defaults.schema.json',
  schema: defaultsSchema,
};
export const EXTENDING: FileKind = {
  noun: 'extending recipe',
  where: 'provision.yaml',
  schemaFile: 'recipes/extending.schema.json',
  schema: extendingSchema,
};
export const TARGET: FileKind = {
  noun: 'target',
  where: 'targets/*.yaml',
  schemaFile: 'targets/schema.json',
  schema: targetSchema,
};
export const LIBC: FileKind = {
  noun: 'C library',
  where: 'targets/libc/*.yaml',
  schemaFile: 'targets/libc/schema.json',
  schema: libcSchema,
};
export const SYSTEM: FileKind = {
  noun: 'system',
  where: 'systems/*.yaml',
  schemaFile: 'systems/schema.json',
  schema: systemSchema,
};
export const PYTHON: FileKind = {
  noun: 'Python',
  where: 'pythons/*/python.yaml',
  schemaFile: 'pythons/schema.json',
  schema: pythonSchema,
};
export const BINDINGS: FileKind = {
  noun: 'bindings',
  where: 'pythons/bindings/*.yaml',
  schemaFile: 'pythons/bindings.schema.json',
  schema: bindingsSchema,
};
export const IMAGE: FileKind = {
  noun: 'image',
  where: 'docker/*/image.yaml, pythons/*.yaml',
  schemaFile: 'docker/schema.json',
  schema: imageSchema,
};
export const SYSROOT: FileKind = {
  noun: 'sysroot',
  where: 'sysroots/*/sysroot.yaml',
  schemaFile: 'sysroots/schema.json',
  schema: sysrootSchema,
};
export const LIBRARY: FileKind = {
  noun: 'library',
  where: 'libraries/*.yaml',
  schemaFile: 'libraries/schema.json',
  schema: librarySchema,
};
export const RUNTIME: FileKind = {
  noun: 'runtime',
  where: 'runtimes/*/runtime.yaml',
  schemaFile: 'runtimes/schema.json',
  schema: runtimeSchema,
};

export const CONFORMANCE: FileKind = {
  noun: 'conformance',
  where: 'pythons/*/conformance.yaml',
  schemaFile: 'pythons/conformance.schema.json',
  schema: conformanceSchema,
};

export const CAUSES: FileKind = {
  noun: 'causes',
  where: 'pythons/*/causes.yaml',
  schemaFile: 'pythons/causes.schema.json',
  schema: causesSchema,
};
export const DIFFERENCES: FileKind = {
  noun: 'differences',
  where: 'pythons/*/differences.yaml',
  schemaFile: 'pythons/differences.schema.json',
  schema: differencesSchema,
};

export const PROFILE: FileKind = {
  noun: 'profile',
  where: 'pythons/*/profile.yaml',
  schemaFile: 'pythons/profile.schema.json',
  schema: profileSchema,
};

export const TIERS: FileKind = {
  noun: 'tiers',
  where: 'tiers/tiers.yaml',
  schemaFile: 'tiers/schema.json',
  schema: tiersSchema,
};

export const FILE_KINDS: readonly FileKind[] = [
  EXTENDING,
  RECIPE,
  SHIPPED,
  DEFAULTS,
  TARGET,
  LIBC,
  SYSTEM,
  PYTHON,
  BINDINGS,
  IMAGE,
  SYSROOT,
  LIBRARY,
  RUNTIME,
  CONFORMANCE,
  DIFFERENCES,
  CAUSES,
  PROFILE,
  TIERS,
];

/** JSON Schema of a recipe, as `recipes/schema.json` has it for editors. */
export function recipeJsonSchema(): JsonSchema {
  return jsonSchemaOf(RECIPE);
}

export function jsonSchemaOf(kind: FileKind): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(kind.schema, { target: 'draft-7', io: 'input' }) as JsonSchema;
  return { ...defined({ $schema }), title: `provision ${kind.noun}`, ...rest };
}

/** The schema of what stands at a path; nothing where the schema does not know the path. */
export function schemaAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  for (const variant of variants(schema)) {
    const below = typeof step === 'number' ? variant.items : propertyOf(variant, step);
    const found = below && schemaAt(below, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A schema's alternatives, or itself. */
export function variants(schema: JsonSchema): readonly JsonSchema[] {
  return schema.oneOf ?? schema.anyOf ?? [schema];
}

function propertyOf(schema: JsonSchema, key: string): JsonSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** Keys that the mapping at a path may have. */
export function keysAt(schema: JsonSchema, path: readonly (string | number)[]): readonly string[] {
  const at = schemaAt(schema, path);
  return at === undefined ? [] : variants(at).flatMap((variant) => Object.keys(variant.properties ?? {}));
}

/** Paths of the mappings that have a key of this name, dots between their steps. */
export function homesOf(schema: JsonSchema, key: string, path: readonly string[] = []): readonly string[] {
  return variants(schema).flatMap(({ properties = {} }) => [
    ...(Object.hasOwn(properties, key) ? [path.join('.')] : []),
    ...Object.entries(properties).flatMap(([name, below]) => homesOf(below, key, [...path, name])),
  ]);
}

/** A value as YAML that would be right, where the schema gives one. */
export function exampleOf(schema: JsonSchema): string | undefined {
  const value = schema.examples?.[0] ?? schema.const ?? schema.default ?? schema.enum?.[0];
  if (value === undefined || (typeof value === 'object' && Object.keys(value as object).length === 0))
    return undefined;
  // A string that YAML would read as a number must stay quoted.
  return typeof value === 'string' && !/^[0-9.]+$/.test(value) ? value : JSON.stringify(value);
}
