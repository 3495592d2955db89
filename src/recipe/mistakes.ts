import type * as z from 'zod';
import { closest } from '../domain/closest.ts';
import type { Failure, FailureCode } from '../failure.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import {
  exampleOf,
  type FileKind,
  homesOf,
  type JsonSchema,
  jsonSchemaOf,
  keysAt,
  schemaAt,
} from './json-schema.ts';
import { article, list, sentence, shorten } from './message-text.ts';
import { SCHEMA_VERSION } from './schemas.ts';

type Issue = z.core.$ZodIssue;

/** The issues that the schema found, each as a failure with its location and what to write instead. */
export function mistakesOf(document: YamlDocument, issues: readonly Issue[], kind: FileKind): Failure[] {
  const about: About = { document, kind, schema: jsonSchemaOf(kind) };
  const mistyped = new Set<string>();
  const unknown = issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [];
    const path = pathOf(issue);
    return issue.keys.map((key) => {
      const meant = closest(key, keysAt(about.schema, path));
      if (meant !== undefined) mistyped.add(pathText([...path, meant]));
      return unknownKey(about, path, key, meant);
    });
  });
  const others = issues.flatMap((issue) => {
    const path = pathOf(issue);
    // A mistyped key is one mistake, not also a missing one.
    const alreadyReported = !present(document.value, path) && mistyped.has(pathText(path));
    return issue.code === 'unrecognized_keys' || alreadyReported ? [] : [mistake(about, path, issue)];
  });
  return [...unknown, ...others];
}

function pathOf(issue: Issue): DocumentPath {
  return issue.path.filter((step) => typeof step !== 'symbol');
}

/** A file of another schema version cannot be checked here: no other mistake of it is reported. */
export function versionMistake(document: YamlDocument, kind: FileKind): Failure | undefined {
  const { value } = document;
  const version =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>).schema : undefined;
  if (typeof version !== 'number' || version === SCHEMA_VERSION) return undefined;
  const newer = version > SCHEMA_VERSION;
  return {
    code: newer ? 'recipe/newer-schema' : 'recipe/invalid-value',
    what: `The ${kind.noun} is written in schema ${version}; this version of provision supports schema ${SCHEMA_VERSION}.`,
    fix: newer
      ? ['Update provision, or write the file in the older schema.']
      : [`Write \`schema: ${SCHEMA_VERSION}\`; docs/recipe-reference.md explains every key.`],
    at: document.locate(['schema'], 'value'),
  };
}

interface About {
  readonly document: YamlDocument;
  readonly kind: FileKind;
  readonly schema: JsonSchema;
}

function mistake(about: About, path: DocumentPath, issue: Issue): Failure {
  const { document } = about;
  if (issue.code === 'invalid_key') {
    const why = issue.issues[0]?.message ?? 'another name';
    const what = `\`${path.at(-1)}\` cannot be a key of ${below(about, path.slice(0, -1))}: it must be ${why}.`;
    return { code: 'recipe/invalid-key', what, fix: ['Rename the key.'], at: document.locate(path, 'key') };
  }
  if (!present(document.value, path)) return missingKey(about, path);
  if (issue.code === 'invalid_type') return wrongType(about, path, issue.expected);
  return invalidValue(about, path, issue);
}

function unknownKey(about: About, path: DocumentPath, key: string, meant: string | undefined): Failure {
  const { document, kind, schema } = about;
  const elsewhere =
    meant === undefined ? homesOf(schema, key).find((home) => home !== pathText(path)) : undefined;
  const fix =
    meant !== undefined
      ? `Did you mean \`${meant}\`?`
      : elsewhere !== undefined
        ? `Move it: \`${key}\` belongs ${elsewhere === '' ? 'at the top level' : `below \`${elsewhere}\``}.`
        : `Remove it. The keys here: ${list(keysAt(schema, path))}.`;
  return {
    code: 'recipe/unknown-key',
    what: `\`${shorten(key)}\` is not a key of ${path.length === 0 ? article(kind.noun) : `\`${pathText(path)}\``}.`,
    fix: [fix],
    at: document.locate([...path, key], 'key'),
  };
}

function missingKey(about: About, path: DocumentPath): Failure {
  const schema = schemaAt(about.schema, path);
  return {
    code: 'recipe/missing-key',
    what: `${sentence(below(about, path.slice(0, -1)))} has no \`${path.at(-1)}\`.`,
    ...(schema?.description === undefined ? {} : { why: `${path.at(-1)}: ${schema.description}` }),
    fix: [`Add ${exampleLine(schema, path)}.`],
    at: about.document.locate(path.slice(0, -1), 'key'),
  };
}

function wrongType({ document, schema }: About, path: DocumentPath, expected: string): Failure {
  const value = valueAt(document.value, path);
  const written = document.written(path);
  const subject = path.length === 0 ? 'The file' : `\`${pathText(path)}\``;
  const what =
    value === null
      ? `${subject} has no value; it must be ${TYPE_NAMES[expected] ?? expected}.`
      : `${subject} is ${typeName(value)}; it must be ${TYPE_NAMES[expected] ?? expected}.`;
  const quotable = expected === 'string' && written !== undefined && value !== null;
  const fix = quotable
    ? `Put it in quotes: \`"${shorten(written)}"\`.`
    : path.length === 0
      ? 'Write one `key: value` a line.'
      : `Write ${exampleLine(schemaAt(schema, path), path)}.`;
  return { code: 'recipe/wrong-type', what, fix: [fix], at: document.locate(path, 'value') };
}

/** Words of the field for what has another name here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  shared: 'dynamic',
  distribution: 'packages',
};

function invalidValue(about: About, path: DocumentPath, issue: Issue): Failure {
  const { document } = about;
  const allowed = issue.code === 'invalid_value' ? issue.values.map(String) : discriminators(issue);
  const value = valueAt(document.value, path);
  const meant =
    allowed && (allowed.find((one) => one === SYNONYMS[String(value)]) ?? closest(String(value), allowed));
  const rule = allowed === undefined ? ruleOf(issue) : `it must be ${list(allowed, 'or')}`;
  const shown = typeof value === 'object' ? typeName(value) : `\`${shorten(String(value))}\``;
  const code: FailureCode =
    issue.code === 'invalid_union' && allowed === undefined ? 'recipe/wrong-type' : 'recipe/invalid-value';
  return {
    code,
    what: `\`${pathText(path)}\` is ${shown}: ${rule}.`,
    fix: [meant === undefined ? `Write ${hint(about, path, rule)}` : `Did you mean \`${meant}\`?`],
    at: document.locate(path, 'value'),
  };
}

/** The rule that an issue states, completing "…: ". */
function ruleOf(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'number') return `it must be more than ${issue.minimum}`;
      return issue.origin === 'string' ? 'it must not be empty' : 'it must have at least one entry';
    case 'too_big':
      return `it must be at most ${issue.maximum}`;
    default:
      return `it must be ${issue.message}`;
  }
}

function discriminators(issue: Issue): readonly string[] | undefined {
  if (issue.code !== 'invalid_union' || !('options' in issue)) return undefined;
  return (issue.options as readonly unknown[]).map(String);
}

/** What to write instead: an example where the schema has one, else the rule again. */
function hint({ schema }: About, path: DocumentPath, rule: string): string {
  const at = schemaAt(schema, path);
  if (at !== undefined && exampleOf(at) !== undefined) return `${exampleLine(at, path)}, for example.`;
  return `${rule.replace(/^it must (be|have) /, '').replace(/^it must not be empty$/, 'something')}.`;
}

/** An example of a line at a path; `<…>` stands for what the user has to fill in. */
function exampleLine(schema: JsonSchema | undefined, path: DocumentPath): string {
  const key = path.at(-1);
  const lead = typeof key === 'number' ? '- ' : `${key}: `;
  if (schema?.properties !== undefined) {
    return `\`${key}:\` with the keys below it, indented: ${list(schema.required ?? [])}`;
  }
  const value = exampleOf(schema ?? {}) ?? (schema?.type === 'array' ? '[<text>, <text>]' : '<text>');
  return `\`${lead}${value}\``;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'a mapping (`key: value` lines, indented)',
  record: 'a mapping (`key: value` lines, indented)',
};

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value !== null && typeof value === 'object') return 'a mapping';
  return typeof value === 'string'
    ? 'text'
    : value === null
      ? 'empty'
      : typeof value === 'boolean'
        ? `\`${value}\``
        : 'a number';
}

function below({ kind }: About, path: DocumentPath): string {
  return path.length === 0 ? `the ${kind.noun}` : `\`${pathText(path)}\``;
}

function pathText(path: DocumentPath): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('');
}

function present(value: unknown, path: DocumentPath): boolean {
  const parent = valueAt(value, path.slice(0, -1));
  const last = path.at(-1);
  return last === undefined || (typeof parent === 'object' && parent !== null && Object.hasOwn(parent, last));
}

function valueAt(value: unknown, path: DocumentPath): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[step] : undefined,
    value,
  );
}
