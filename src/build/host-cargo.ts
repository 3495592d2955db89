import { joinConfigurations } from '../crate/cargo-files.ts';
import { formatToml, type Table, tableAt } from '../crate/toml.ts';
import type { CargoConfiguration } from '../domain/cargo.ts';
import type { Settings } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Mount } from '../engine/engine.ts';
import { REGISTRY_TABLES, readHomeConfiguration } from './cargo-configuration.ts';
import { isSecret, registryTokens, type Tokens, tokensFor } from './registry-tokens.ts';
import { variablePart } from './transport.ts';

/** What the machine's cargo is set to, for cargo in a sandbox. */
export interface HostCargo {
  /** `config.toml` above the project: what its files do not say. */
  readonly config: string;
  /** For steps with network and without tokens: proxies, registries, and the CA bundle. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** For the step that fetches crates alone: the same, with the tokens of the registries that a `Cargo.lock` names. */
  readonly fetching: (lock: string) => FetchAccess;
  /** Of them those that also a build without network needs: which registry a name is of. */
  readonly names: Readonly<Record<string, string>>;
  /** For every step: folders that crates are taken from instead of a registry. */
  readonly sources: readonly Mount[];
}

/** What the step that fetches crates asks registries with. */
export interface FetchAccess {
  /** The tokens among it. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly indexes: Tokens['indexes'];
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
  const kept = await registryTokens(settings.cargoHome);
  if (!kept.ok) return kept;
  const { outer = {}, sources = [] } = configuration ?? {};
  const variables = settings.cargo?.variables ?? {};
  const config =
    own === undefined
      ? Object.fromEntries(Object.entries(outer).filter(([name]) => REGISTRY_TABLES.includes(name)))
      : joinConfigurations(own.config ?? {}, outer);
  const env = {
    ...settings.proxies,
    // Without one named, cargo does not read from registries that want a token; others are programs of this machine.
    CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS: 'cargo:token',
    ...ownProviders(configuration?.merged),
    ...withoutSecrets(variables),
  };
  const trusting = (configured: string | undefined) => {
    // A variable outranks `http.cainfo`, and that what is found on the machine.
    const bundle = settings.cargo?.trust ?? configured ?? settings.caBundle;
    return bundle === undefined
      ? { env, mounts: [] }
      : {
          env: { ...env, CARGO_HTTP_CAINFO: CA_BUNDLE, SSL_CERT_FILE: CA_BUNDLE },
          mounts: [{ kind: 'source', source: bundle, at: CA_BUNDLE } as const],
        };
  };
  const plain = trusting(configuration?.caBundle);
  return ok({
    config: formatToml(config),
    ...plain,
    fetching: (lock) => {
      const tokens = tokensFor(lock, { ...kept.value, ...variables }, configuration);
      const { env, mounts } = tokens.indexes.size === 0 ? plain : trusting(configuration?.outerCaBundle);
      return { env: { ...env, ...tokens.variables }, mounts, indexes: tokens.indexes };
    },
    names: Object.fromEntries(Object.entries(variables).filter(([name]) => NAMES.test(name))),
    sources: sources.map(({ folder, at }) => ({ kind: 'source', source: folder, at })),
  });
}

function withoutSecrets(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !/CREDENTIAL_PROVIDERS?$/.test(name) && !isSecret(name)),
  );
}

/** A file of the project may name a program of its own to ask for tokens. */
function ownProviders(merged: Table | undefined): Record<string, string> {
  const names = Object.keys(tableAt(merged, 'registries')).map(variablePart);
  return Object.fromEntries([
    ['CARGO_REGISTRY_CREDENTIAL_PROVIDER', 'cargo:token'],
    ...names.map((name) => [`CARGO_REGISTRIES_${name}_CREDENTIAL_PROVIDER`, 'cargo:token']),
  ]);
}

/** The same for crates that belong to no project: where they come from, and nothing else. */
export async function crateAccess(settings: Settings): Promise<Result<HostCargo>> {
  const configuration = await readHomeConfiguration(settings);
  return configuration.ok ? hostCargo(settings, configuration.value, undefined) : configuration;
}
