import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { joinConfigurations } from '../crate/cargo-files.ts';
import { formatToml, parseToml, type Table, tableAt } from '../crate/toml.ts';
import type { CargoConfiguration } from '../domain/cargo.ts';
import type { Settings } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Mount } from '../engine/engine.ts';
import { REGISTRY_TABLES, readHomeConfiguration } from './cargo-configuration.ts';

/** What the machine's cargo is set to, for cargo in a sandbox. */
export interface HostCargo {
  /** `config.toml` above the project: what its files do not say. */
  readonly config: string;
  /** For the step that fetches crates: proxies, registries with their tokens, and the CA bundle. */
  readonly env: Readonly<Record<string, string>>;
  /** Of them those that also a build without network needs: which registry a name is of. */
  readonly names: Readonly<Record<string, string>>;
  /** For the step that fetches crates. */
  readonly mounts: readonly Mount[];
  /** For every step: folders that crates are taken from instead of a registry. */
  readonly sources: readonly Mount[];
}

const CA_BUNDLE = '/job/ca.pem';

/** Variables without a secret in them that say which registry is meant. */
const NAMES = /^CARGO_(?:REGISTRIES_[A-Z0-9_]+_INDEX|REGISTRY_DEFAULT|SOURCE_[A-Z0-9_]+)$/;

/**
 * Proxies, trust, registries and further configuration of cargo (The Cargo Book, "Configuration"). `own` is what the build
 * adds itself. Without it, only what says where crates come from is taken.
 */
export async function hostCargo(
  settings: Settings,
  configuration: CargoConfiguration | undefined,
  own: { readonly config?: Table | undefined } | undefined,
): Promise<Result<HostCargo>> {
  const tokens = await registryTokens(settings.cargoHome);
  if (!tokens.ok) return tokens;
  const { outer = {}, sources = [] } = configuration ?? {};
  // A variable outranks `http.cainfo`, and that what is found on the machine.
  const bundle = settings.cargo?.trust ?? configuration?.caBundle ?? settings.caBundle;
  const variables = settings.cargo?.variables ?? {};
  const config =
    own === undefined
      ? Object.fromEntries(Object.entries(outer).filter(([name]) => REGISTRY_TABLES.includes(name)))
      : joinConfigurations(own.config ?? {}, outer);
  return ok({
    config: formatToml(config),
    env: {
      ...settings.proxies,
      // Without one named, cargo does not read from registries that want a token; others are programs of this machine.
      CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS: 'cargo:token',
      ...tokens.value,
      ...withoutProviders(variables),
      ...(bundle === undefined ? {} : { CARGO_HTTP_CAINFO: CA_BUNDLE, SSL_CERT_FILE: CA_BUNDLE }),
    },
    names: Object.fromEntries(Object.entries(variables).filter(([name]) => NAMES.test(name))),
    mounts: bundle === undefined ? [] : [{ kind: 'source', source: bundle, at: CA_BUNDLE }],
    sources: sources.map(({ folder, at }) => ({ kind: 'source', source: folder, at })),
  });
}

function withoutProviders(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !/CREDENTIAL_PROVIDERS?$/.test(name)),
  );
}

/** The same for crates that belong to no project: where they come from, and nothing else. */
export async function crateAccess(settings: Settings): Promise<Result<HostCargo>> {
  const configuration = await readHomeConfiguration(settings);
  return configuration.ok ? hostCargo(settings, configuration.value, undefined) : configuration;
}

/** The tokens of cargo's home as the equivalent environment variables; those of `credentials.toml` outrank its configuration. */
async function registryTokens(cargoHome: string | undefined): Promise<Result<Record<string, string>>> {
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
      return typeof token === 'string'
        ? [[`CARGO_REGISTRIES_${name.toUpperCase().replaceAll('-', '_')}_TOKEN`, token]]
        : [];
    }),
  );
}
