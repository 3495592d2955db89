import { FILE_KINDS, type FileKind, type JsonSchema, jsonSchemaOf, variants } from './json-schema.ts';
import { sentence } from './message-text.ts';

const HEAD = `# Reference: recipes and definitions

<!-- Made from src/recipe/schemas.ts by the tests: UPDATE_GOLDEN=1 npm test -- test/recipe/schema.test.ts -->

Recipes and definitions are YAML files. For a crate of your own you write an *extending recipe*, \`provision.yaml\` in its
folder, which takes everything it does not state from a shipped recipe. A *recipe* names a point of three axes: a target, a
Python and a toolchain image. The sysroot defines how the first two are joined; what a recipe leaves out is derived from its
target. Every target has a recipe of its own name without a file. A sysroot that is built from source names libraries;
WebAssembly is run in a runtime. \`provision conformance\` reads which tests of CPython to run.

Every file is strict: an unknown key is an error, and so is a missing one or a value of another type. All mistakes of a
file are reported at once, each with its line and column. Files are UTF-8 and YAML 1.2, one document, keys are strings;
anchors, aliases and tags are not supported. Text that YAML would read as another type must be quoted: \`"3.10"\`, \`"yes"\`.

Editors with the YAML language server check a file while it is edited: put
\`# yaml-language-server: $schema=<path of the schema>\` on its first line.
`;

/** \`docs/recipe-reference.md\`: every key of every kind of file, from the descriptions in the schemas. */
export function referencePage(): string {
  return `${[HEAD, ...FILE_KINDS.map(section)].join('\n')}`;
}

function section(kind: FileKind): string {
  const schema = jsonSchemaOf(kind);
  const shapes = variants(schema);
  const tables = shapes.map((shape) => {
    const title = shapes.length > 1 ? `### \`${discriminator(shape)}\`\n\n${shape.description}\n\n` : '';
    return `${title}| key | value | default | meaning |\n| --- | --- | --- | --- |\n${rows(shape).join('\n')}\n`;
  });
  return `## ${sentence(kind.noun)}: \`${kind.where}\`

${schema.description} JSON Schema: [\`${kind.schemaFile}\`](../${kind.schemaFile}).

${tables.join('\n')}`;
}

function rows(schema: JsonSchema, prefix = ''): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, below]) => {
    const path = `${prefix}${key}`;
    const needed = schema.required?.includes(key) === true;
    const cells = [
      `\`${path}\``,
      kindOf(below),
      needed ? 'needed' : defaultOf(below),
      below.description ?? '',
    ];
    return [
      `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
      ...rows(below, `${path}.`),
      ...(below.items === undefined ? [] : rows(below.items, `${path}[].`)),
    ];
  });
}

function kindOf(schema: JsonSchema): string {
  const example = schema.examples?.[0] === undefined ? '' : `, e.g. \`${String(schema.examples[0])}\``;
  return `${typeOf(schema)}${example}`;
}

function typeOf(schema: JsonSchema): string {
  const alternatives = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (alternatives !== undefined) return alternatives.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'string') return 'text';
  if (schema.type === 'boolean') return '`true`, `false`';
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'values' : typeOf(schema.items)}`;
  if (schema.type !== 'object') return schema.type ?? 'any';
  const values = schema.additionalProperties;
  return typeof values === 'object' ? `mapping of text to ${typeOf(values)}` : 'mapping';
}

function defaultOf(schema: JsonSchema): string {
  return schema.default === undefined ? '' : `\`${JSON.stringify(schema.default).replaceAll('"', '')}\``;
}

function discriminator(schema: JsonSchema): string {
  return String(schema.properties?.kind?.const ?? '');
}
