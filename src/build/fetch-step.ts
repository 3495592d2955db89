import { cp, mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { wordsOf } from '../crate/cargo-files.ts';
import { formatToml, isTable, parseToml, type Table } from '../crate/toml.ts';
import type { Project } from '../domain/definitions.ts';
import { absentAsUndefined, unlessDeviceFailed } from '../domain/errno.ts';
import type { Result } from '../domain/result.ts';
import type { Mount } from '../engine/engine.ts';
import { isWithin, PATHS } from '../engine/paths.ts';
import { crateAt } from '../engine/project-paths.ts';
import { isThere } from '../exec/files.ts';
import { onDisk } from '../store/disk.ts';
import type { FetchAccess } from './host-cargo.ts';
import { leadingVariables, withoutLeading } from './transport.ts';
import type { BuildView } from './view.ts';

/** Between the flags of `CARGO_ENCODED_RUSTFLAGS`. */
const SEPARATOR = '\x1f';

const FLAGS = /^(?:RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|CARGO_(?:BUILD|TARGET_[A-Z0-9_]+)_RUSTFLAGS)$/;

/** Variables that cargo needs to find crates, and none that makes it or the compiler start or load anything. */
const KEPT =
  /^(?:HOME|LANG|LC_\w+|TZ|TERM|RUSTC_BOOTSTRAP|__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS|CARGO_HOME|CARGO_TARGET_DIR|CARGO_TERM_\w+|CARGO_(?:NET|HTTP|RESOLVER|SOURCE|UNSTABLE)_\w+|CARGO_REGISTRIES_[A-Z0-9_]+_(?:INDEX|PROTOCOL)|CARGO_REGISTRY_DEFAULT)$/;

/**
 * Of a build's variables those of the step that fetches crates: it has network and tokens, and cargo asks the compiler there
 * which conditions hold. A recipe's `project.env`, which is among them, may name programs and libraries of the project; none
 * of them is started. Nor do those of it count that could lead a token elsewhere.
 */
export function fetchVariables(
  variables: Readonly<Record<string, string>>,
  { env }: Pick<Project, 'env'>,
  { indexes }: Pick<FetchAccess, 'indexes'>,
): Record<string, string> {
  // Git's configuration in it names programs, too.
  const left = ['HOME', ...(indexes.size === 0 ? [] : leadingVariables(env, indexes))];
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => {
      if (env[name] !== undefined && left.includes(name)) return [];
      if (name === 'PATH') return [[name, ownPath(value, env)]];
      if (FLAGS.test(name)) return [[name, conditionsIn(name, value)]];
      return KEPT.test(name) ? [[name, value]] : [];
    }),
  );
}

/** Without what a project puts in front of it: a folder may be the project's by many names. */
function ownPath(path: string, { PATH }: Readonly<Record<string, string>>): string {
  return PATH !== undefined && path.startsWith(`${PATH}:`) ? path.slice(PATH.length + 1) : path;
}

/** Of a build's variables those with flags of the compiler, with the ones alone that conditions depend on. */
export function conditionVariables(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables)
      .filter(([name]) => FLAGS.test(name))
      .map(([name, value]) => [name, conditionsIn(name, value)]),
  );
}

function conditionsIn(name: string, value: string): string {
  const separator = name === 'CARGO_ENCODED_RUSTFLAGS' ? SEPARATOR : ' ';
  return conditionFlags(value.split(separator)).join(separator);
}

/** The flags that conditions such as `cfg(tokio_unstable)` depend on: others may name a program or a library to load. */
export function conditionFlags(flags: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let at = 0; at < flags.length; at += 1) {
    const [flag = '', next] = [flags[at], flags[at + 1]];
    const [option, value] = splitFlag(flag);
    if (value !== undefined) {
      if (decides(option, value)) kept.push(flag);
    } else if (TAKES_VALUE.includes(option)) {
      if (next !== undefined && decides(option, next)) kept.push(flag, next);
      at += 1;
    }
  }
  return kept;
}

const TAKES_VALUE = ['--cfg', '--codegen', '-C', '--sysroot'];

/** `-Cpanic=abort`, `--cfg=x`: option and value in one word. */
function splitFlag(flag: string): readonly [string, string?] {
  const [, option, value] = /^(--[\w-]+)=(.*)$/s.exec(flag) ?? /^(-[A-Z])(.+)$/s.exec(flag) ?? [];
  return option === undefined ? [flag] : [option, value ?? ''];
}

function decides(option: string, value: string): boolean {
  if (option === '--cfg') return true;
  // The compiler loads parts of itself from there.
  if (option === '--sysroot') return isWithin(posix.normalize(value), PATHS.sysroot);
  return (option === '-C' || option === '--codegen') && /^(?:target-cpu|target-feature|panic)=/.test(value);
}

/** Tables without a meaning where crates are fetched, but that start programs or give them variables. */
const LEFT_OUT = ['env', 'alias', 'credential-alias', 'host', 'include'];

const PROGRAMS = ['rustc', 'rustc-wrapper', 'rustc-workspace-wrapper', 'rustdoc', 'linker', 'runner', 'ar'];

const PROVIDERS = ['credential-provider', 'global-credential-providers'];

/** A project's configuration of cargo without what it could start where crates are fetched. */
export function withoutPrograms(table: Table): Table {
  const entries = Object.entries(table).filter(([name]) => !LEFT_OUT.includes(name));
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (!isTable(value)) return [name, value];
      if (name === 'build' || name === 'registry') return [name, cleaned(value)];
      return name === 'target' || name === 'registries' ? [name, eachCleaned(value)] : [name, value];
    }),
  );
}

function eachCleaned(table: Table): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, one]) => [name, isTable(one) ? cleaned(one) : one]),
  );
}

function cleaned(table: Table): Table {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, value]) => {
      if (PROGRAMS.includes(key) || PROVIDERS.includes(key)) return [];
      return [[key, key === 'rustflags' ? conditionFlags(wordsOf(value)) : value]];
    }),
  );
}

/**
 * Mounts that cover a project's own `.cargo` folders where a file in them names what is not to be started, or could lead a
 * token elsewhere. The caller holds the lock of the view.
 */
export async function fetchConfigurations(
  view: Pick<BuildView, 'project' | 'crates'>,
  project: Project,
  { indexes }: Pick<FetchAccess, 'indexes'>,
): Promise<Result<readonly Mount[]>> {
  const clean = (table: Table): Table =>
    withoutPrograms(indexes.size === 0 ? table : withoutLeading(table, indexes));
  const covers = join(dirname(view.crates), 'fetch');
  return onDisk(covers, async () => {
    await rm(covers, { recursive: true, force: true });
    const mounts: Mount[] = [];
    for (let at = crateAt(project); ; at = posix.dirname(at)) {
      // What a link leads to is covered.
      const seen = await seenAt(view.project, posix.join(at, '.cargo'));
      const cover = join(covers, String(mounts.length));
      if (seen !== undefined && (await coverFolder(view.project, seen, cover, clean)))
        mounts.push({ kind: 'source', source: cover, at: seen });
      if (at === PATHS.project) return mounts;
    }
  });
}

/** Copies a `.cargo` folder with its configuration cleaned; false where there is nothing to clean. */
async function coverFolder(
  root: string,
  at: string,
  cover: string,
  cleanTable: (table: Table) => Table,
): Promise<boolean> {
  const folder = hostPath(root, at);
  const names = (await readdir(folder).catch(absentAsUndefined)) ?? [];
  const changed = new Map<string, string>();
  for (const name of ['config', 'config.toml'].filter((one) => names.includes(one))) {
    const file = await seenAt(root, posix.join(at, name));
    const text = file && (await readFile(hostPath(root, file), 'utf8').catch(absentAsUndefined));
    // What cannot be read here is not to be read there.
    const parsed = text === undefined ? undefined : parseToml(text);
    const clean = parsed?.ok === true ? formatToml(cleanTable(parsed.value)) : '';
    if (parsed?.ok !== true || clean !== formatToml(parsed.value)) changed.set(name, clean);
  }
  if (changed.size === 0) return false;
  await mkdir(cover, { recursive: true });
  for (const name of names.filter((one) => !changed.has(one)))
    await cp(join(folder, name), join(cover, name), { recursive: true, verbatimSymlinks: true });
  for (const [name, text] of changed) await writeFile(join(cover, name), text);
  return true;
}

function hostPath(root: string, at: string): string {
  return join(root, posix.relative(PATHS.project, at));
}

/** As many links as the kernel follows: path_resolution(7). */
const MAX_LINKS = 40;

/** Where a path of the sandbox leads, link by link; undefined where that is nothing, or outside of the project. */
async function seenAt(root: string, path: string): Promise<string | undefined> {
  let [at, rest, links] = [PATHS.project as string, posix.relative(PATHS.project, path).split('/'), 0];
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = posix.join(at, name);
    if (!isWithin(next, PATHS.project)) return undefined;
    const target = await readlink(hostPath(root, next)).catch(unlessDeviceFailed(undefined));
    if (target === undefined) {
      at = next;
      continue;
    }
    links += 1;
    const led = posix.resolve(at, target);
    if (links > MAX_LINKS || !isWithin(led, PATHS.project)) return undefined;
    rest = [
      ...posix
        .relative(PATHS.project, led)
        .split('/')
        .filter((one) => one !== ''),
      ...rest,
    ];
    at = PATHS.project;
  }
  return isThere(hostPath(root, at)) ? at : undefined;
}
