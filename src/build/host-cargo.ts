import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatToml, parseToml } from '../crate/toml.ts';
import type { Settings } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Mount } from '../engine/engine.ts';

/** Settings of the machine for the step that fetches crates. */
export interface HostCargo {
  /** `config.toml` of the sandbox's cargo home. */
  readonly config: string;
  /** Proxies, registry tokens and the CA bundle. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
}

/** The tables of the user's cargo configuration about the sources of crates; others (linkers, flags, wrappers) are ignored. */
const REGISTRY_TABLES = ['source', 'registries', 'registry', 'net', 'http', 'credential-alias'];
const CA_BUNDLE = '/job/ca.pem';

/** Reads registry configuration, proxies and CA bundle of the machine (The Cargo Book, "Configuration"). */
export async function hostCargo(settings: Settings): Promise<Result<HostCargo>> {
  const config = await registryConfiguration(settings.cargoHome);
  if (!config.ok) return config;
  const tokens = await registryTokens(settings.cargoHome);
  if (!tokens.ok) return tokens;
  const bundle = settings.caBundle;
  return ok({
    config: config.value,
    env: {
      ...settings.proxies,
      ...tokens.value,
      ...(bundle === undefined ? {} : { CARGO_HTTP_CAINFO: CA_BUNDLE, SSL_CERT_FILE: CA_BUNDLE }),
    },
    mounts: bundle === undefined ? [] : [{ kind: 'source', source: bundle, at: CA_BUNDLE }],
  });
}

async function registryConfiguration(cargoHome: string | undefined): Promise<Result<string>> {
  const tables = await readToml(cargoHome, ['config.toml', 'config']);
  if (!tables.ok) return tables;
  return ok(
    formatToml(
      Object.fromEntries(Object.entries(tables.value).filter(([name]) => REGISTRY_TABLES.includes(name))),
    ),
  );
}

/** The tokens of `credentials.toml` as the equivalent environment variables. */
async function registryTokens(cargoHome: string | undefined): Promise<Result<Record<string, string>>> {
  const tables = await readToml(cargoHome, ['credentials.toml', 'credentials']);
  if (!tables.ok) return tables;
  const registries = (tables.value.registries ?? {}) as Readonly<Record<string, { readonly token?: string }>>;
  const variables = Object.entries(registries).flatMap(([name, { token }]) =>
    token === undefined ? [] : [[`CARGO_REGISTRIES_${name.toUpperCase().replaceAll('-', '_')}_TOKEN`, token]],
  );
  return ok(Object.fromEntries(variables) as Record<string, string>);
}

async function readToml(
  folder: string | undefined,
  names: readonly string[],
): Promise<Result<Readonly<Record<string, unknown>>>> {
  for (const name of folder === undefined ? [] : names) {
    const file = join(folder as string, name);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const parsed = parseToml(text);
    if (parsed.ok) return parsed;
    const { line, column, message } = parsed.error;
    return err({
      code: 'usage/cargo-config',
      what: `The cargo configuration ${file} could not be read.`,
      why: message,
      fix: ['Fix the file, or set CARGO_HOME to another folder.'],
      at: { file, line, column },
    });
  }
  return ok({});
}
