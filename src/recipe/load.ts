import type * as z from 'zod';
import { err, ok, type Result } from '../domain/result.ts';
import { combineFailures } from './combine-failures.ts';
import { readYaml, type YamlDocument } from './document.ts';
import type { FileKind } from './json-schema.ts';
import { mistakesOf, versionMistake } from './mistakes.ts';
import type { Reader } from './reader.ts';
import { expand, type Variables } from './template.ts';

/** A definition and the document it was read from, for the locations of later mistakes. */
export interface Loaded<T> {
  readonly value: T;
  readonly document: YamlDocument;
}

export interface LoadOptions {
  readonly read?: Reader;
  /** Values of `{name}` in its text; absent: such text is taken literally. */
  readonly variables?: Variables;
}

/** Reads a file of a kind and converts it into a value of the domain. */
export async function load<Read, T>(
  file: string,
  kind: FileKind,
  toDomain: (read: Read) => T,
  { read = readYaml, variables }: LoadOptions = {},
): Promise<Result<Loaded<T>>> {
  const document = await read(file);
  if (!document.ok) return document;
  const filled = variables === undefined ? document : expand(document.value, variables);
  return filled.ok ? check(filled.value, kind, toDomain) : filled;
}

/** The same of a document that is read already. */
export function check<Read, T>(
  document: YamlDocument,
  kind: FileKind,
  toDomain: (read: Read) => T,
): Result<Loaded<T>> {
  const version = versionMistake(document, kind);
  if (version !== undefined) return err(version);
  const parsed = kind.schema.safeParse(document.value) as z.ZodSafeParseResult<Read>;
  const issues = parsed.success ? [] : mistakesOf(document, parsed.error.issues, kind);
  const failure = combineFailures([...document.mistakes, ...issues]);
  if (failure !== undefined) return err(failure);
  return ok({ value: toDomain(parsed.data as Read), document });
}
