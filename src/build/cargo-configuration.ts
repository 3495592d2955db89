import { posix, relative, resolve } from 'node:path';
import { type CargoFile, cargoFiles, joinConfigurations } from '../crate/cargo-files.ts';
import { isTable, type Table, tableAt } from '../crate/toml.ts';
import { reservedVariable } from '../domain/build-variables.ts';
import type { CargoConfiguration, SourceFolder } from '../domain/cargo.ts';
import type { Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Project, Resolved } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { inSandbox } from '../engine/project-paths.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { overriddenIn, withoutOverridden, withoutTokens } from './cargo-overrides.ts';
import { digestFolders } from './vendored.ts';

/** Tables about where crates come from: which crates a build takes is what its lock says. */
export const REGISTRY_TABLES = ['source', 'registries', 'registry', 'net', 'http'];

/** Tables that change what is built. */
const COUNTED_TABLES = ['build', 'target', 'profile', 'env', 'patch', 'paths', 'unstable'];

/** Where a build sees the folders of this machine that a `[source]` names. */
const SOURCES_AT = '/job/sources';

/**
 * Cargo's configuration of a recipe's project: of its folder, the folders above, and cargo's home. Undefined where there is
 * none. Fails on a file that is no TOML, and on a path to a crate that a build does not see.
 */
export async function readCargoConfiguration(
  settings: Settings,
  resolved: Pick<Resolved, 'recipe' | 'target' | 'hostTarget' | 'rust'>,
): Promise<Result<CargoConfiguration | undefined>> {
  const { folder, root } = resolved.recipe.project;
  const files = await cargoFiles(folder, root, settings.cargoHome);
  if (!files.ok) return files;
  if (files.value.length === 0) return ok(undefined);
  for (const file of files.value) {
    // Those of files in the project come with its path dependencies.
    const outside = file.inside ? [] : pathsOutside(file, root);
    if (outside.length > 0) return err(crateOutside(file.file, outside));
    const forced = forcedVariables(file);
    if (forced !== undefined) return err(forced);
  }
  const overridden = files.value.flatMap((file) => overriddenIn(file, resolved));
  const joined = joinFiles(files.value, resolved.recipe.project);
  const unpacked = joined.sources.filter((one) => one.unpacked).map(({ folder }) => folder);
  try {
    const vendored = unpacked.length === 0 ? undefined : await digestFolders(unpacked);
    return ok({ ...joined, overridden, ...defined({ vendored }) });
  } catch (cause) {
    return err(unreadable(unpacked, cause as NodeJS.ErrnoException));
  }
}

/** The configuration of cargo's home alone, for crates that belong to no project. */
export async function readHomeConfiguration(settings: Settings): Promise<Result<CargoConfiguration>> {
  const { cargoHome } = settings;
  const files = cargoHome === undefined ? ok([]) : await cargoFiles('/', '/', cargoHome);
  if (!files.ok) return files;
  return ok({ ...joinFiles(files.value, undefined), overridden: [] });
}

function joinFiles(
  files: readonly CargoFile[],
  project: Project | undefined,
): Omit<CargoConfiguration, 'overridden'> {
  const sources: SourceFolder[] = [];
  const outerFiles = files.filter(({ inside }) => !inside || project === undefined);
  const innerFiles = files.filter((file) => !outerFiles.includes(file));
  const seenAt = (folder: string, unpacked: boolean): string => {
    const known = sources.find((one) => one.folder === folder);
    if (known !== undefined) return known.at;
    if (project !== undefined && isInside(folder, project.root)) return inSandbox(project, folder);
    const at = posix.join(SOURCES_AT, String(sources.length));
    sources.push({ folder, at, unpacked });
    return at;
  };
  const outer = outerFiles
    .map((file) => relocate(withoutOverridden(file.table), file.base, seenAt))
    .reduceRight<Table>((less, more) => joinConfigurations(more, less), {});
  if (project !== undefined) {
    for (const { table, base } of innerFiles) sources.push(...seenFromInside(table, base, project));
  }
  return {
    merged: files
      .map(({ table }) => withoutTokens(table))
      .reduceRight<Table>((less, more) => joinConfigurations(more, less), {}),
    outer,
    counted: Object.fromEntries(Object.entries(outer).filter(([name]) => COUNTED_TABLES.includes(name))),
    // Cargo says itself what it misses of the others.
    sources: sources.filter(({ folder }) => isThere(folder)),
    inner: innerFiles.map(({ file, table }) => ({ file, table: withoutTokens(table) })),
    ...defined({ caBundle: caBundleOf(files), outerCaBundle: caBundleOf(outerFiles) }),
  };
}

function caBundleOf(files: readonly CargoFile[]): string | undefined {
  return files.flatMap(({ table, base }) => {
    const named = tableAt(table, 'http').cainfo;
    return typeof named === 'string' ? [resolve(base, named)] : [];
  })[0];
}

/** A file's paths as a build sees them: of vendored crates, of crates in the project, and in its environment. */
function relocate(table: Table, base: string, seenAt: (folder: string, unpacked: boolean) => string): Table {
  const located = (value: unknown, key?: string): unknown =>
    typeof value === 'string' ? seenAt(resolve(base, value), key !== 'local-registry') : value;
  const source = eachTable(tableAt(table, 'source'), (one) =>
    withKeys(one, ['directory', 'local-registry'], located),
  );
  const patch = eachTable(tableAt(table, 'patch'), (registry) =>
    eachTable(registry, (one) => withKeys(one, ['path'], located)),
  );
  const env = eachTable(tableAt(table, 'env'), ({ relative: isRelative, ...one }) =>
    isRelative === true && typeof one.value === 'string' ? { ...one, value: resolve(base, one.value) } : one,
  );
  const { paths } = table;
  return {
    ...table,
    ...(isTable(table.source) ? { source } : {}),
    ...(isTable(table.patch) ? { patch } : {}),
    ...(isTable(table.env) ? { env } : {}),
    ...(Array.isArray(paths) ? { paths: paths.map((path) => located(path)) } : {}),
  };
}

/** Folders that a file of the project names outside of it: a build sees them where the file says. */
function seenFromInside(table: Table, base: string, project: Project): CargoConfiguration['sources'] {
  const at = inSandbox(project, base);
  return Object.values(tableAt(table, 'source'))
    .filter(isTable)
    .flatMap(({ directory, 'local-registry': registry }) => [
      { path: directory, unpacked: true },
      { path: registry, unpacked: false },
    ])
    .flatMap(({ path, unpacked }) => {
      if (typeof path !== 'string' || isInside(resolve(base, path), project.root)) return [];
      return [{ folder: resolve(base, path), at: posix.resolve(at, path), unpacked }];
    });
}

/** Crates that `paths` and `[patch]` name outside of the project. */
function pathsOutside({ table, base }: CargoFile, root: string): readonly string[] {
  const patched = Object.values(tableAt(table, 'patch'))
    .filter(isTable)
    .flatMap((registry) => Object.values(registry).filter(isTable))
    .map(({ path }) => path);
  const { paths } = table;
  return [...patched, ...(Array.isArray(paths) ? paths : [])]
    .filter((path) => typeof path === 'string')
    .filter((path) => !isInside(resolve(base, path), root));
}

/** `[env]` with `force` outranks the environment: of a variable that no build can do without, too. */
function forcedVariables({ file, table }: CargoFile): Failure | undefined {
  const forced = Object.entries(tableAt(table, 'env')).find(
    ([name, value]) => isTable(value) && value.force === true && reservedVariable(name) !== undefined,
  )?.[0];
  if (forced === undefined) return undefined;
  return {
    code: 'recipe/reserved-variable',
    what: `\`${forced}\` cannot be forced in \`[env]\` of cargo's configuration: provision sets it for every build.`,
    fix: [`Take \`force = true\` away there. ${reservedVariable(forced)}`],
    see: [file],
  };
}

function isInside(path: string, root: string): boolean {
  const below = relative(root, path);
  return below !== '..' && !below.startsWith('../');
}

function eachTable(table: Table, change: (one: Table) => Table): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, one]) => [name, isTable(one) ? change(one) : one]),
  );
}

function withKeys(
  table: Table,
  keys: readonly string[],
  change: (value: unknown, key: string) => unknown,
): Table {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key, keys.includes(key) ? change(value, key) : value]),
  );
}

function crateOutside(file: string, paths: readonly string[]): Failure {
  return {
    code: 'recipe/path-outside',
    what: `Cargo's configuration names crates outside of the project, which a build does not see: ${paths.map((path) => `\`${path}\``).join(', ')}.`,
    why: 'The file is outside of the project, too: other projects of this machine have other crates there.',
    fix: ['Write these lines into `.cargo/config.toml` of the project, or move the crates into it.'],
    see: [file],
  };
}

function unreadable(folders: readonly string[], cause: NodeJS.ErrnoException): Failure {
  return {
    code: 'build/sources-unreadable',
    what: `The vendored crates in ${folders.join(', ')} could not be read.`,
    why: cause.message,
    fix: ["Make them readable for you, or correct `[source]` in cargo's configuration."],
  };
}
