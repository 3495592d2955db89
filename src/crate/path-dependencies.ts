import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { OutsideFolder } from '../domain/definitions.ts';
import { absentAsUndefined, unlessDeviceFailed } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { CargoFile } from './cargo-files.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { isTable, type Table, tableAt, textAt } from './toml.ts';
import { workspaceOf } from './workspace.ts';

/** A path that a manifest gives. */
interface PathReference {
  /** Name of the dependency. */
  readonly key: string;
  readonly path: string;
  /** What it is written in: the manifest of the package or its workspace, or a configuration file of cargo. */
  readonly in: Manifest;
}

const USED_BY_ALL = ['dependencies', 'build-dependencies', 'build_dependencies'];
/** Of packages that are not members of the workspace, cargo does not read these. */
const USED_BY_MEMBERS = [...USED_BY_ALL, 'dev-dependencies', 'dev_dependencies'];

/**
 * The path dependencies of a workspace, and theirs, that are not in its folder or are reached through a link that leads
 * out of it, with the workspaces that they inherit from (The Cargo Book, "Specifying Dependencies"). Failures:
 * `recipe/no-dependency` (nothing is there), `recipe/path-outside` (an absolute path), with their positions.
 * `configurations` are cargo's files in the workspace: they may replace crates, too.
 */
export async function pathDependencies(
  workspace: Manifest,
  members: readonly Manifest[],
  configurations: readonly CargoFile[],
): Promise<Result<readonly OutsideFolder[]>> {
  const search = new Search(workspace);
  for (const member of members) await search.addMember(member);
  for (const reference of [...patches(workspace), ...configurations.flatMap(replacements)]) {
    const followed = await search.follow(reference);
    if (followed !== undefined) return err(followed);
  }
  const failure = await search.run();
  return failure === undefined ? ok(search.found()) : err(failure);
}

class Search {
  readonly #workspace: Manifest;
  readonly #outside = new Map<string, OutsideFolder>();
  readonly #seen = new Set<string>();
  readonly #pending: { readonly manifest: Manifest; readonly member: boolean }[] = [];

  constructor(workspace: Manifest) {
    this.#workspace = workspace;
  }

  async addMember(manifest: Manifest): Promise<void> {
    if (this.#seen.has(manifest.folder)) return;
    this.#seen.add(manifest.folder);
    this.#pending.push({ manifest, member: true });
    await this.#leadsOut(manifest.folder);
  }

  async run(): Promise<Failure | undefined> {
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      const { manifest, member } = next;
      const workspace = member ? ok(this.#workspace) : await workspaceOf(manifest);
      if (!workspace.ok) return workspace.error;
      for (const reference of references(manifest, workspace.value, member)) {
        const failure = await this.follow(reference);
        if (failure !== undefined) return failure;
      }
    }
    return undefined;
  }

  async follow(reference: PathReference): Promise<Failure | undefined> {
    const { path, in: from } = reference;
    if (isAbsolute(path)) return absolute(reference, await locate(reference));
    const folder = resolve(from.folder, path);
    if (this.#seen.has(folder)) return undefined;
    this.#seen.add(folder);
    const manifest = await readManifest(folder);
    if (!manifest.ok) {
      return manifest.error.code === 'recipe/no-project'
        ? missing(reference, folder, await locate(reference))
        : manifest.error;
    }
    const outside = await this.#leadsOut(folder);
    if (outside) await this.#inheritedFrom(manifest.value);
    this.#pending.push({ manifest: manifest.value, member: !outside });
    return undefined;
  }

  /** Every folder once: what lies in another one comes with it. */
  found(): readonly OutsideFolder[] {
    const all = [...this.#outside.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
    return all.filter(
      (one) => !all.some((other) => other !== one && other.manifestOnly !== true && isBelow(one, other)),
    );
  }

  /** Whether a folder is not in the workspace; it is noted then. */
  async #leadsOut(folder: string): Promise<boolean> {
    const root = this.#workspace.folder;
    const real = await realpath(folder).catch(unlessDeviceFailed(folder));
    if (within(folder, root) && within(real, root)) return false;
    this.#outside.set(folder, { folder, real });
    return true;
  }

  async #inheritedFrom(manifest: Manifest): Promise<void> {
    const workspace = await workspaceOf(manifest);
    if (!workspace.ok) return;
    const { folder } = workspace.value;
    if (folder === manifest.folder || within(folder, this.#workspace.folder) || this.#outside.has(folder))
      return;
    const real = await realpath(folder).catch(unlessDeviceFailed(folder));
    this.#outside.set(folder, { folder, real, manifestOnly: true });
  }
}

function references(manifest: Manifest, workspace: Manifest, member: boolean): readonly PathReference[] {
  const { table } = manifest;
  const kinds = member ? USED_BY_MEMBERS : USED_BY_ALL;
  const tables = [table, ...Object.values(tableAt(table, 'target')).filter(isTable)];
  const shared = tableAt(workspace.table, 'workspace', 'dependencies');
  return tables.flatMap((one) =>
    kinds.flatMap((kind) =>
      Object.entries(tableAt(one, kind)).flatMap(([key, value]) => {
        if (!isTable(value)) return [];
        return value.workspace === true ? pathIn(shared[key], key, workspace) : pathIn(value, key, manifest);
      }),
    ),
  );
}

/** What replaces crates of a registry (The Cargo Book, "Overriding Dependencies"). */
function patches(workspace: Manifest): readonly PathReference[] {
  const tables: Table[] = [
    ...Object.values(tableAt(workspace.table, 'patch')),
    workspace.table.replace,
  ].filter(isTable);
  return tables.flatMap((one) =>
    Object.entries(one).flatMap(([key, value]) => pathIn(value, key, workspace)),
  );
}

/** `[patch]` and `paths` of a configuration file (The Cargo Book, "Configuration Format"). */
function replacements({ file, base, table }: CargoFile): readonly PathReference[] {
  const from = { folder: base, file, table };
  const { paths } = table;
  const listed = Array.isArray(paths) ? paths.filter((path) => typeof path === 'string') : [];
  return [
    ...Object.values(tableAt(table, 'patch'))
      .filter(isTable)
      .flatMap((one) => Object.entries(one).flatMap(([key, value]) => pathIn(value, key, from))),
    ...listed.map((path) => ({ key: path, path, in: from })),
  ];
}

function pathIn(value: unknown, key: string, from: Manifest): readonly PathReference[] {
  const path = isTable(value) ? textAt(value, 'path') : undefined;
  return path === undefined ? [] : [{ key, path, in: from }];
}

function within(path: string, folder: string): boolean {
  const below = relative(folder, path);
  return below.split('/')[0] !== '..';
}

function isBelow(one: OutsideFolder, other: OutsideFolder): boolean {
  return within(one.folder, other.folder) && within(one.real, other.real);
}

type Place = NonNullable<Failure['at']>;

/** Where a manifest gives a path: in the line or the table that names the dependency, else the first that is equal. */
async function locate({ key, path, in: { file } }: PathReference): Promise<Place> {
  const text = (await readFile(file, 'utf8').catch(absentAsUndefined)) ?? '';
  const escaped = (word: string): string => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const value = new RegExp(`(\\bpath["']?\\s*=\\s*)(?:"${escaped(path)}"|'${escaped(path)}')`, 'g');
  const places = [...text.matchAll(value)].map((match) => match.index + (match[1] as string).length);
  const name = new RegExp(`(?:^|[."'\\s])${escaped(key)}\\b`);
  const named = places.find((place) => {
    const before = text.slice(0, place);
    const line = before.slice(before.lastIndexOf('\n') + 1);
    const header = /^\[[^\n]*\][^\n]*$/gm;
    return name.test(line) || name.test([...before.matchAll(header)].at(-1)?.[0] ?? '');
  });
  const before = text.slice(0, named ?? places[0] ?? 0).split('\n');
  const line = before.length;
  return {
    file,
    line,
    column: (before.at(-1) as string).length + 1,
    ...defined({ text: text.split('\n')[line - 1] }),
  };
}

function missing({ key }: PathReference, folder: string, at: Place): Failure {
  return {
    code: 'recipe/no-dependency',
    what: `The dependency \`${key}\` is not there: \`${folder}\` has no \`Cargo.toml\`.`,
    why: 'cargo reads every path dependency, also of other members, for other targets and behind features.',
    fix: ['Correct this path, or get what belongs there (a submodule: `git submodule update --init`).'],
    at,
  };
}

function absolute({ key, path, in: { folder } }: PathReference, at: Place): Failure {
  return {
    code: 'recipe/path-outside',
    what: `The dependency \`${key}\` has an absolute path, and a build sees its sources at other paths than this machine.`,
    fix: [`Write it relative to this file: \`path = "${relative(folder, path) || '.'}"\`.`],
    at,
  };
}
