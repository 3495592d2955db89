import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTable, parseToml, type Table, tableAt } from '../crate/toml.ts';
import type { CargoConfiguration } from '../domain/cargo.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { packagesIn } from './cargo-lock.ts';
import { plainIndex, type TokenIndexes, variablePart } from './transport.ts';

/** A variable that a registry is asked with: a token, or the key that one is signed with. */
const SECRET = /^CARGO_REGISTR(?:Y|IES_(?<name>[A-Z0-9_]+))_(?:TOKEN|SECRET_KEY|SECRET_KEY_SUBJECT)$/;

export function isSecret(variable: string): boolean {
  return SECRET.test(variable);
}

/** What a step may ask registries with. */
export interface Tokens {
  readonly variables: Readonly<Record<string, string>>;
  /** Of the registries that they are of; without any entry there are none. */
  readonly indexes: TokenIndexes;
}

/**
 * Of these variables the secrets of the registries that a lock has crates from, and of those that stand in for others
 * (`replace-with`). Where the machine itself says which index a registry's name is of, another one in a project's file is
 * not asked with its token.
 */
export function tokensFor(
  lock: string,
  variables: Readonly<Record<string, string>>,
  configuration: Pick<CargoConfiguration, 'outer' | 'merged'> | undefined,
): Tokens {
  const { outer, merged } = configuration ?? {};
  const named = sourcesOf(lock);
  const own = new Map([...indexesOf(outer), ...indexesIn(variables)]);
  const replacing = new Map(
    Object.values(tableAt(outer, 'source')).flatMap((source): [string, string][] => {
      const by = isTable(source) ? source['replace-with'] : undefined;
      if (typeof by !== 'string') return [];
      const index = own.get(variablePart(by)) ?? tableAt(outer, 'source', by).registry;
      return typeof index === 'string' ? [[variablePart(by), index]] : [];
    }),
  );
  const locked = [...indexesOf(merged), ...own].filter(
    ([name, index]) => (own.get(name) ?? index) === index && named.has(plainIndex(index)),
  );
  const indexes = new Map([...locked, ...replacing]);
  const given = Object.entries(variables).flatMap(([variable, value]) => {
    const name = SECRET.exec(variable)?.groups?.name;
    return name !== undefined && indexes.has(name) ? [{ name, variable, value }] : [];
  });
  return {
    variables: Object.fromEntries(given.map(({ variable, value }) => [variable, value])),
    indexes: new Map(given.map(({ name }) => [name, indexes.get(name) as string])),
  };
}

/** The index of each registry that a configuration names. */
function indexesOf(table: Table | undefined): readonly [string, string][] {
  return Object.entries(tableAt(table, 'registries')).flatMap(([name, registry]): [string, string][] =>
    isTable(registry) && typeof registry.index === 'string' ? [[variablePart(name), registry.index]] : [],
  );
}

function indexesIn(variables: Readonly<Record<string, string>>): readonly [string, string][] {
  return Object.entries(variables).flatMap(([variable, index]): [string, string][] => {
    const name = /^CARGO_REGISTRIES_([A-Z0-9_]+)_INDEX$/.exec(variable)?.[1];
    return name === undefined ? [] : [[name, index]];
  });
}

/** Addresses of the registries that a `Cargo.lock` names. */
function sourcesOf(lock: string): ReadonlySet<string> {
  return new Set(
    packagesIn(lock).flatMap(({ source }) =>
      typeof source === 'string' && !source.startsWith('git+') ? [plainIndex(source)] : [],
    ),
  );
}

/** The tokens of cargo's home as the equivalent environment variables; those of `credentials.toml` outrank its configuration. */
export async function registryTokens(cargoHome: string | undefined): Promise<Result<Record<string, string>>> {
  if (cargoHome === undefined) return ok({});
  const configured = await tokensIn(cargoHome, ['config', 'config.toml']);
  if (!configured.ok) return configured;
  const stored = await tokensIn(cargoHome, ['credentials', 'credentials.toml']);
  return stored.ok ? ok({ ...configured.value, ...stored.value }) : stored;
}

/** The tokens of the first of these files that is there. */
async function tokensIn(
  cargoHome: string,
  names: readonly string[],
): Promise<Result<Record<string, string>>> {
  for (const name of names) {
    const file = join(cargoHome, name);
    const text = await readFile(file, 'utf8').catch(absentAsUndefined);
    if (text === undefined) continue;
    const parsed = parseToml(text);
    if (parsed.ok) return ok(tokensOf(parsed.value));
    const { line, column, message } = parsed.error;
    return err({
      code: 'usage/cargo-config',
      what: `The cargo configuration ${file} could not be read.`,
      why: message,
      fix: ['Fix the file, or set CARGO_HOME to another folder.'],
      // Without the line's text: it may be a token.
      at: { file, line, column },
    });
  }
  return ok({});
}

function tokensOf(table: Table): Record<string, string> {
  const registries = Object.keys(tableAt(table, 'registries'));
  return Object.fromEntries(
    registries.flatMap((name) => {
      const { token } = tableAt(table, 'registries', name);
      return typeof token === 'string' ? [[`CARGO_REGISTRIES_${variablePart(name)}_TOKEN`, token]] : [];
    }),
  );
}
