import { readdirSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { closest } from '../domain/closest.ts';
import type { Crate } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined, unlessDeviceFailed } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { cargoFiles } from './cargo-files.ts';
import { brokenCargoLock } from './cargo-lock.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { pathDependencies } from './path-dependencies.ts';
import { type Chosen, pyo3Use } from './pyo3.ts';
import { isTable, type Table, tableAt, tablesAt, textAt } from './toml.ts';
import { membersOf, workspaceOf } from './workspace.ts';

export interface CrateChoice extends Chosen {
  /** Binary to build; by default the only one, or the one in `default-run`. */
  readonly bin?: string;
}

interface Binary {
  readonly name: string;
  /** It is an example. */
  readonly example?: true;
  readonly manifest: Manifest;
}

/**
 * Reads a crate: a package, or a workspace with the binaries of its members. A package that is a library and nothing else
 * has its tests. Failures: `recipe/no-project`,
 * `recipe/bad-manifest`, `recipe/bad-cargo-lock`, `recipe/no-bin` (none), `recipe/unknown-bin`, `recipe/which-bin` (several),
 * `recipe/no-dependency`, `recipe/path-outside`.
 */
export async function readCrate(folder: string, choice: CrateChoice): Promise<Result<Crate>> {
  const manifest = await readManifest(await withoutLinks(folder));
  if (!manifest.ok) return manifest;
  const workspace = await workspaceOf(manifest.value);
  if (!workspace.ok) return workspace;
  const found = await binariesOf(manifest.value);
  if (!found.ok) return found;
  const { binaries, examples } = found.value;
  // A package without binaries is run by its examples; one with them has an example chosen by its name.
  const asked =
    !binaries.some(({ name }) => name === choice.bin) && examples.some(({ name }) => name === choice.bin);
  const programs = binaries.length === 0 || asked ? examples : binaries;
  const library = programs.length === 0 && choice.bin === undefined && isLibrary(manifest.value);
  const chosen = library
    ? ok<Binary>({ name: nameOf(manifest.value), manifest: manifest.value })
    : choose(manifest.value, programs, choice.bin);
  if (!chosen.ok) return chosen;
  const { name: bin, manifest: own, example } = chosen.value;
  const root = workspace.value.folder;
  const members = await membersOf(workspace.value);
  if (!members.ok) return members;
  const configurations = await cargoFiles(own.folder, root, undefined);
  if (!configurations.ok) return configurations;
  const inside = configurations.value.filter((file) => file.inside);
  const outside = await pathDependencies(workspace.value, [own, ...members.value], inside);
  if (!outside.ok) return outside;
  const lockFile = join(root, 'Cargo.lock');
  const lock = await readFile(lockFile, 'utf8').catch(absentAsUndefined);
  const broken = lock === undefined ? undefined : brokenCargoLock(lockFile, lock);
  if (broken !== undefined) return err(broken);
  const pyo3 = await pyo3Use(own, workspace.value, choice, lock);
  const version = inherited(own.table, workspace.value.table, 'version');
  const rustVersion = inherited(own.table, workspace.value.table, 'rust-version');
  return ok({
    folder: own.folder,
    root,
    ...(outside.value.length === 0 ? {} : { outside: outside.value }),
    name: nameOf(own),
    ...defined({ version }),
    bin,
    bins: [...new Set(programs.map((one) => one.name))].sort(),
    ...defined({ example }),
    ...(library ? { testsOnly: true } : {}),
    ...defined({ rustVersion }),
    locked: lock !== undefined,
    ...defined({ pyo3 }),
  });
}

/** The nearest folder with a `Cargo.toml`, from the given one upwards; undefined where there is none. */
export function findCrate(from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    if (isThere(join(at, 'Cargo.toml'))) return at;
    if (at === dirname(at)) return undefined;
  }
}

async function withoutLinks(folder: string): Promise<string> {
  return realpath(folder).catch(unlessDeviceFailed(folder));
}

/** The binaries of a package, or of the members of a virtual workspace. */
async function binariesOf(manifest: Manifest): Promise<Result<Programs>> {
  if (isTable(manifest.table.package)) return ok(programsOf([manifest]));
  if (!isTable(manifest.table.workspace)) return err(noPackage(manifest));
  const members = await membersOf(manifest);
  return members.ok ? ok(programsOf(members.value)) : members;
}

interface Programs {
  readonly binaries: readonly Binary[];
  readonly examples: readonly Binary[];
}

function programsOf(manifests: readonly Manifest[]): Programs {
  return { binaries: manifests.flatMap(binariesIn), examples: manifests.flatMap(examplesIn) };
}

/** Examples by the same rules; those that are built as a library are no programs. */
function examplesIn(manifest: Manifest): readonly Binary[] {
  const { folder, table } = manifest;
  const given = tablesAt(table, 'example');
  const named = given.flatMap((one) => (one['crate-type'] === undefined ? (textAt(one, 'name') ?? []) : []));
  const { autoexamples = true } = tableAt(table, 'package') as { autoexamples?: unknown };
  const found = autoexamples === true ? programFiles(join(folder, 'examples')) : [];
  const files = found.filter((name) => !given.some((one) => textAt(one, 'name') === name));
  return [...new Set([...named, ...files])].sort().map((name) => ({ name, manifest, example: true }));
}

/** `<name>.rs` and `<name>/main.rs` in a folder of programs. */
function programFiles(folder: string): readonly string[] {
  return entries(folder).flatMap((name) => {
    if (name.endsWith('.rs')) return [name.slice(0, -3)];
    return isThere(join(folder, name, 'main.rs')) ? [name] : [];
  });
}

/** Binaries as cargo discovers them (The Cargo Book, "Cargo Targets", "Target auto-discovery"). */
function binariesIn(manifest: Manifest): readonly Binary[] {
  const { folder, table } = manifest;
  const named = tablesAt(table, 'bin').flatMap((bin) => textAt(bin, 'name') ?? []);
  const { autobins = true } = tableAt(table, 'package') as { autobins?: unknown };
  const files = autobins === true ? programFiles(join(folder, 'src/bin')) : [];
  const main = autobins === true && isThere(join(folder, 'src/main.rs'));
  // A `[[bin]]` may give `src/main.rs` another name.
  const renamed = tablesAt(table, 'bin').some((bin) =>
    /^(\.\/)?src\/main\.rs$/.test(textAt(bin, 'path') ?? ''),
  );
  const own = textAt(tableAt(table, 'package'), 'name');
  const names = [...named, ...files, ...(main && !renamed && own !== undefined ? [own] : [])];
  return [...new Set(names)].sort().map((name) => ({ name, manifest }));
}

function entries(folder: string): readonly string[] {
  return isThere(folder) ? readdirSync(folder) : [];
}

function choose(manifest: Manifest, found: readonly Binary[], requested: string | undefined): Result<Binary> {
  const names = [...new Set(found.map(({ name }) => name))].sort();
  const [only] = found;
  if (only === undefined) return err(noBinary(manifest));
  const preferred = requested ?? textAt(tableAt(manifest.table, 'package'), 'default-run');
  if (preferred !== undefined) {
    const match = found.find(({ name }) => name === preferred);
    return match === undefined ? err(unknownBinary(manifest, preferred, names)) : ok(match);
  }
  return found.length === 1 ? ok(only) : err(whichBinary(manifest, found));
}

/** A key of `[package]`, or of `[workspace.package]` where the package inherits it. */
function inherited(own: Table, workspace: Table, key: string): string | undefined {
  const text = textAt(tableAt(own, 'package'), key);
  if (text !== undefined) return text;
  const { workspace: inherits } = tableAt(own, 'package', key);
  return inherits === true ? textAt(tableAt(workspace, 'workspace', 'package'), key) : undefined;
}

function noPackage({ file }: Manifest): Failure {
  return {
    code: 'recipe/no-package',
    what: `\`${file}\` has neither \`[package]\` nor \`[workspace]\`: it is not the manifest of a crate.`,
    fix: ['Give the folder of the crate: `project.path` in the recipe, or `--project <folder>`.'],
  };
}

/** A package with a library: one that cargo finds, or that its manifest names. */
function isLibrary({ folder, table }: Manifest): boolean {
  return isTable(table.package) && (isTable(table.lib) || isThere(join(folder, 'src/lib.rs')));
}

function nameOf({ folder, table }: Manifest): string {
  return textAt(tableAt(table, 'package'), 'name') ?? basename(folder);
}

function noBinary(manifest: Manifest): Failure {
  const { folder, table } = manifest;
  const virtual = !isTable(table.package);
  return {
    code: 'recipe/no-bin',
    what: `The crate in \`${folder}\` has no binary: there is no program to build and run.`,
    ...(isLibrary(manifest) ? { why: 'It is a library.' } : {}),
    fix: [
      'Add `src/main.rs`, or a `[[bin]]` to its `Cargo.toml`.',
      ...(virtual
        ? [
            'To run the tests of a library of the workspace, give the folder of that member: `project.path` in the recipe, or `--project <folder>`.',
          ]
        : []),
    ],
  };
}

function unknownBinary({ folder }: Manifest, name: string, names: readonly string[]): Failure {
  const meant = closest(name, names);
  return {
    code: 'recipe/unknown-bin',
    what: `The crate in \`${folder}\` has no binary \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `Its binaries: ${names.map((one) => `\`${one}\``).join(', ')}.`,
    ],
  };
}

function whichBinary({ folder }: Manifest, found: readonly Binary[]): Failure {
  const listed = found.map(({ name, manifest }) => {
    const below = relative(folder, manifest.folder);
    return below === '' ? name : `${name} (${below})`;
  });
  return {
    code: 'recipe/which-bin',
    what: `The crate in \`${folder}\` has ${found.length} binaries, and none is selected.`,
    fix: ['Select one: `--bin <name>`, or `project.bin` in the recipe.'],
    evidence: listed,
  };
}
