import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTable, parseToml, type Table, tableAt } from '../crate/toml.ts';
import type { CargoConfiguration } from '../domain/cargo.ts';
import { err, ok, type Result } from '../domain/result.ts';

/** A variable that a registry is asked with: a token, or the key that one is signed with. */
const SECRET = /^CARGO_REGISTR(?:Y|IES_(?<name>[A-Z0-9_]+))_(?:TOKEN|SECRET_KEY|SECRET_KEY_SUBJECT)$/;

export function isSecret(variable: string): boolean {
  return SECRET.test(variable);
}

/** The name of a registry as it stands in a variable's name. */
export function variablePart(registry: string): string {
  return registry.toUpperCase().replaceAll('-', '_');
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
): Record<string, string> {
  const { outer, merged } = configuration ?? {};
  const named = sourcesOf(lock);
  const replacing = Object.values(tableAt(outer, 'source')).flatMap((source) =>
    isTable(source) && typeof source['replace-with'] === 'string'
      ? [variablePart(source['replace-with'])]
      : [],
  );
  const indexes = new Map<string, string>();
  for (const table of [merged, outer]) {
    for (const [name, registry] of Object.entries(tableAt(table, 'registries'))) {
      if (isTable(registry) && typeof registry.index === 'string')
        indexes.set(variablePart(name), registry.index);
    }
  }
  for (const [variable, index] of Object.entries(variables)) {
    const name = /^CARGO_REGISTRIES_([A-Z0-9_]+)_INDEX$/.exec(variable)?.[1];
    if (name !== undefined) indexes.set(name, index);
  }
  const wanted = (name: string): boolean => {
    const index = indexes.get(name);
    return replacing.includes(name) || (index !== undefined && named.has(plain(index)));
  };
  return Object.fromEntries(
    Object.entries(variables).filter(([variable]) => {
      const name = SECRET.exec(variable)?.groups?.name;
      return name !== undefined && wanted(name);
    }),
  );
}

/** Addresses of the registries that a `Cargo.lock` names. */
function sourcesOf(lock: string): ReadonlySet<string> {
  const parsed = parseToml(lock);
  const packages = parsed.ok && Array.isArray(parsed.value.package) ? parsed.value.package : [];
  return new Set(
    packages
      .filter(isTable)
      .flatMap(({ source }) =>
        typeof source === 'string' && !source.startsWith('git+') ? [plain(source)] : [],
      ),
  );
}

/** Without what distinguishes protocols, and without a slash at the end. */
function plain(index: string): string {
  return index.replace(/^(?:registry\+|sparse\+)+/, '').replace(/\/$/, '');
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
    const text = await readFile(file, 'utf8').catch(() => undefined);
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
