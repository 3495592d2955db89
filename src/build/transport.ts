import { isTable, type Table, tableAt } from '../crate/toml.ts';

/** Settings of cargo's transport that decide neither where a request goes nor who can read it. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  http: ['timeout', 'low-speed-limit', 'multiplexing'],
  net: ['retry', 'offline'],
};

const VARIABLE = /^CARGO_(?<table>HTTP|NET)_(?<key>[A-Z0-9_]+)$/;

/** The registries whose tokens a step has, by the part of their variables' names, and the index that each is for. */
export type TokenIndexes = ReadonlyMap<string, string>;

/** The name of a registry as it stands in a variable's name. */
export function variablePart(registry: string): string {
  return registry.toUpperCase().replaceAll('-', '_');
}

/** Without what distinguishes protocols, and without a slash at the end. */
export function plainIndex(index: string): string {
  return index.replace(/^(?:registry\+|sparse\+)+/, '').replace(/\/$/, '');
}

/**
 * The settings of a project's configuration that could lead a token elsewhere, their keys with dots between: `http.proxy`,
 * `registries.own.index`.
 */
export function leadingElsewhere(table: Table, indexes: TokenIndexes): readonly string[] {
  return [
    ...Object.entries(HARMLESS).flatMap(([name, harmless]) =>
      Object.keys(tableAt(table, name))
        .filter((key) => !harmless.includes(key))
        .map((key) => `${name}.${key}`),
    ),
    ...Object.entries(tableAt(table, 'registries'))
      .filter(([name, one]) => isTable(one) && isOther(one.index, indexes.get(variablePart(name))))
      .map(([name]) => `registries.${name}.index`),
  ];
}

/** A project's configuration without these settings. */
export function withoutLeading(table: Table, indexes: TokenIndexes): Table {
  const left = leadingElsewhere(table, indexes);
  const kept = (value: unknown, path: string): unknown =>
    isTable(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([key]) => !left.includes(`${path}.${key}`))
            .map(([key, one]) => [key, kept(one, `${path}.${key}`)]),
        )
      : value;
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, kept(value, key)]));
}

/** The same of the variables that a recipe sets. Git reads a proxy from a file in `HOME`, which cargo takes. */
export function leadingVariables(
  variables: Readonly<Record<string, string>>,
  indexes: TokenIndexes,
): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    const { table = '', key = '' } = VARIABLE.exec(name)?.groups ?? {};
    const setting = key.toLowerCase().replaceAll('_', '-');
    const registry = /^CARGO_REGISTRIES_([A-Z0-9_]+)_INDEX$/.exec(name)?.[1];
    const leads =
      name === 'HOME' ||
      (table !== '' && HARMLESS[table.toLowerCase()]?.includes(setting) !== true) ||
      (registry !== undefined && isOther(value, indexes.get(registry)));
    return leads ? [name] : [];
  });
}

function isOther(index: unknown, own: string | undefined): boolean {
  return own !== undefined && index !== undefined && plainIndex(String(index)) !== plainIndex(own);
}
