import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isTable, parseToml } from '../crate/toml.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine, Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { crateAt, projectRoot } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import { onDisk } from '../store/disk.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import { CRATES_LOCK, cargoHomeMounts, SCRIPT_ENV } from './cargo-home.ts';
import { explainFetch } from './fetch-failure.ts';
import { ASKS_RUSTC, FETCH_PROGRAMS, RUSTC_OF_FETCH } from './fetch-programs.ts';
import { fetchConfigurations } from './fetch-step.ts';
import { hostCargo } from './host-cargo.ts';

/** A locked crate of which the index has newer versions, or whose author has taken it back. */
export interface NewerCrate {
  readonly name: string;
  readonly version: string;
  /** What `cargo update` would take. */
  readonly compatible?: string;
  /** The newest there is, which the manifests or the toolchain's Rust do not admit, and cargo's remark about it. */
  readonly later?: string;
  readonly yanked: boolean;
}

export interface NewerCratesInput {
  readonly plan: Plan;
  readonly toolchain: StoredTree;
  readonly engine: () => Promise<Result<Engine>>;
  /** Folder for `outdated-crates.log`. */
  readonly logs: string;
}

/**
 * Asks cargo, as it is set on this machine, what it would lock today; nothing is changed. It has no tokens: the project is as its
 * owner wrote it. Failures: those of fetching crates.
 */
export async function newerCrates(
  context: Context,
  store: Store,
  input: NewerCratesInput,
): Promise<Result<readonly NewerCrate[]>> {
  const { plan, toolchain, logs } = input;
  const { project } = plan.recipe;
  const lock = parseLock(
    (await readFile(join(project.root, 'Cargo.lock'), 'utf8').catch(absentAsUndefined)) ?? '',
  );
  if (lock.length === 0) return ok([]);
  const engine = await input.engine();
  if (!engine.ok) return engine;
  const cargo = await hostCargo(context.settings, plan.cargo, undefined);
  if (!cargo.ok) return cargo;
  // Cargo's home is the store's, and cargo does without its own locks there.
  const held = await store.lock(CRATES_LOCK, { signal: context.signal });
  if (!held.ok) return held;
  await using _held = held.value;
  return withTemporaryFolder(store.folder, 'crates', async (folder) => {
    const root = projectRoot(project);
    const config = join(folder, 'cargo-config.toml');
    await writeFile(config, cargo.value.config);
    const rustc = join(folder, RUSTC_OF_FETCH);
    await writeFile(rustc, ASKS_RUSTC, { mode: 0o755 });
    const access = { env: cargo.value.env, mounts: cargo.value.mounts, indexes: new Map() };
    const covers = await fetchConfigurations(
      { project: root, crates: join(folder, 'crates') },
      project,
      access,
    );
    if (!covers.ok) return covers;
    const sandbox = await engine.value.open({
      rootfs: toolchain.folder,
      network: 'host',
      mounts: [
        {
          kind: 'source',
          source: root,
          at: PATHS.project,
          without: (_, name) => name === 'target' || name === '.git',
        },
        ...covers.value,
        { kind: 'source', source: config, at: '/job/.cargo/config.toml' },
        { kind: 'source', source: rustc, at: FETCH_PROGRAMS.RUSTC },
        ...cargoHomeMounts('fetch'),
        ...cargo.value.sources,
        ...cargo.value.mounts,
      ],
    });
    if (!sandbox.ok) return sandbox;
    await using box = sandbox.value;
    const log = join(logs, 'outdated-crates.log');
    const opened = await onDisk(logs, async () => {
      await mkdir(logs, { recursive: true });
      await writeFile(log, '');
    });
    if (!opened.ok) return opened;
    const run = await runTool(context, box, {
      ...{ stage: 'build', code: 'fetch/crates', doing: 'Asking the index for newer crates', log },
      fix: ['Run the same command again.'],
      command: {
        argv: [plan.toolchain.tools.cargo ?? 'cargo', 'update', '--dry-run', '--verbose'],
        env: {
          ...{ PATH: '/usr/bin:/bin', HOME: '/tmp', LANG: 'C.UTF-8', CARGO_HOME: PATHS.cargo },
          ...{ CARGO_TERM_COLOR: 'never', ...cargo.value.env, ...cargo.value.names, ...FETCH_PROGRAMS },
        },
        cwd: crateAt(project),
      },
    });
    if (!run.ok) return err(explainFetch(run.error, plan.crate));
    const yanked = await yankedOf(box, lock);
    if (!yanked.ok) return yanked;
    return ok(joinFindings(parseUpdate(Buffer.from(run.value.stderr).toString('utf8')), yanked.value));
  });
}

/** A crate of a registry, as a lock names it. */
export interface LockedCrate {
  readonly name: string;
  readonly version: string;
}

/** The crates of registries in a `Cargo.lock`. */
export function parseLock(text: string): readonly LockedCrate[] {
  const parsed = parseToml(text);
  const packages = parsed.ok && Array.isArray(parsed.value.package) ? parsed.value.package : [];
  return packages
    .filter(isTable)
    .flatMap(({ name, version, source }) =>
      /^(registry|sparse)\+/.test(String(source ?? ''))
        ? [{ name: String(name), version: String(version) }]
        : [],
    );
}

/** `    Updating a v1.0.0 -> v1.1.0 (available: v2.0.0)`, `   Unchanged b v0.1.0 (available: v0.2.0, requires Rust 1.90)`. */
const LINE =
  /^\s*(?:Updating|Unchanged|Downgrading) (?<name>[A-Za-z0-9_-]+) (?:\([^)]*\) )?v(?<from>\S+)(?: \(registry [^)]*\))?(?: -> v(?<to>\S+))?(?: \((?<rest>[^)]*)\))?/;

/** What cargo says that it would do, and what there is beyond (`cargo update --dry-run --verbose`). */
export function parseUpdate(text: string): readonly Omit<NewerCrate, 'yanked'>[] {
  return text.split('\n').flatMap((line) => {
    const { name, from, to, rest } = LINE.exec(line)?.groups ?? {};
    if (name === undefined || from === undefined) return [];
    const later = /available: v(.*)/.exec(rest ?? '')?.[1];
    return to === undefined && later === undefined
      ? []
      : [{ name, version: from, ...defined({ compatible: to, later }) }];
  });
}

/** Where the index has a crate (The Cargo Book, "Index files"). */
export function indexPath(name: string): string {
  const lower = name.toLowerCase();
  if (lower.length <= 2) return `${lower.length}/${lower}`;
  if (lower.length === 3) return `3/${lower[0]}/${lower}`;
  return `${lower.slice(0, 2)}/${lower.slice(2, 4)}/${lower}`;
}

/** Prints what cargo has just read of the index, of the crates whose paths are its input. */
const READ_INDEX = `shopt -s nullglob
cd ${PATHS.cargo}/registry/index
while read -r path; do for file in */.cache/"$path"; do cat -- "$file"; done; done
`;

async function yankedOf(box: Sandbox, lock: readonly LockedCrate[]): Promise<Result<ReadonlySet<string>>> {
  const paths = [...new Set(lock.map(({ name }) => indexPath(name)))];
  const read = await box.run({
    argv: ['bash', '-c', READ_INDEX],
    env: SCRIPT_ENV,
    cwd: '/',
    stdin: `${paths.join('\n')}\n`,
  });
  if (!read.ok) return read;
  const taken = yankedIn(Buffer.from(read.value.stdout));
  return ok(new Set(lock.map(({ name, version }) => `${name} ${version}`).filter((one) => taken.has(one))));
}

/** `name version` of what was taken back, in cargo's own copies of the index: JSON between zero bytes. */
export function yankedIn(cache: Buffer): ReadonlySet<string> {
  const found = new Set<string>();
  for (const piece of cache.toString('utf8').split('\0')) {
    const at = piece.indexOf('{"name"');
    if (at === -1 || !piece.includes('"yanked":true')) continue;
    try {
      const { name, vers, yanked } = JSON.parse(piece.slice(at));
      if (yanked === true) found.add(`${name} ${vers}`);
    } catch {
      // Not an entry: the cache of another cargo.
    }
  }
  return found;
}

function joinFindings(
  newer: readonly Omit<NewerCrate, 'yanked'>[],
  yanked: ReadonlySet<string>,
): readonly NewerCrate[] {
  const named = new Set(newer.map(({ name, version }) => `${name} ${version}`));
  const alone = [...yanked].filter((one) => !named.has(one)).map((one) => one.split(' '));
  return [
    ...newer.map((one) => ({ ...one, yanked: yanked.has(`${one.name} ${one.version}`) })),
    ...alone.map(([name = '', version = '']) => ({ name, version, yanked: true })),
  ];
}

/** What the lock is called in what is printed. */
export function lockName({ recipe: { project } }: Plan): string {
  return `${basename(project.root)}/Cargo.lock`;
}
