import { closest } from '../domain/closest.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Emulator, Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { combineFailures } from './combine-failures.ts';
import type { YamlDocument } from './document.ts';
import { libcFile, libcNames, type TargetNames, targetFile, targetNames } from './folders.ts';
import { LIBC, TARGET } from './json-schema.ts';
import { type Loaded, type LoadOptions, load } from './load.ts';
import { list } from './message-text.ts';
import { openReader, type Reader } from './reader.ts';
import type { LibcFile, TargetFile } from './schemas.ts';
import { targetVariables } from './template.ts';

/** Every target, by name of its file. */
export async function loadTargets(
  home: string,
  read: Reader = openReader(),
): Promise<Result<readonly Loaded<Target>[]>> {
  const { loaded, broken } = await readTargets(home, read);
  const failure = combineFailures(broken.map((one) => one.failure));
  return failure === undefined ? ok(loaded) : err(failure);
}

/** A target whose file is invalid. */
export interface BrokenTarget extends TargetNames {
  readonly failure: Failure;
}

/** The same, with invalid files listed separately: they do not affect the other targets. */
export async function readTargets(
  home: string,
  read: Reader,
): Promise<{ readonly loaded: readonly Loaded<Target>[]; readonly broken: readonly BrokenTarget[] }> {
  const names = targetNames(home);
  const results = await Promise.all(names.map(({ triple }) => loadTarget(home, triple, read)));
  const loaded: Loaded<Target>[] = [];
  const broken: BrokenTarget[] = [];
  for (const [i, result] of results.entries()) {
    const found = names[i] as TargetNames;
    const failure = result.ok ? misnamed(result.value, found, loaded) : result.error;
    if (result.ok && failure === undefined) loaded.push(result.value);
    else if (failure !== undefined) broken.push({ ...found, failure });
  }
  return { loaded, broken };
}

/** A target whose name is not where names are looked up, or is another one's. */
function misnamed(
  { value, document }: Loaded<Target>,
  found: TargetNames,
  others: readonly Loaded<Target>[],
): Failure | undefined {
  const key = found.name === value.name ? 'recipe' : 'name';
  if (found[key] !== value[key]) {
    return {
      code: 'recipe/invalid-value',
      what: `\`${key}\` has no line of its own: names are looked up before files are read.`,
      fix: [`Write \`${key}: ${value[key]}\` at the beginning of a line.`],
      at: document.locate([key], 'key'),
    };
  }
  const words = ({ name, rustTriple }: Target) => [name, rustTriple];
  const same = others.find(({ value: other }) => words(other).some((word) => words(value).includes(word)));
  const other = same ?? others.find(({ value: { recipe } }) => recipe === value.recipe);
  if (other === undefined) return undefined;
  return {
    code: 'recipe/taken-name',
    what: `\`${same === undefined ? value.recipe : value.name}\` is also a name of the target in \`${other.document.file}\`.`,
    fix: ['Give one of the two another name.'],
    at: document.locate([same === undefined ? 'recipe' : 'name'], 'value'),
  };
}

export async function loadTarget(
  home: string,
  triple: string,
  read: Reader = openReader(),
): Promise<Result<Loaded<Target>>> {
  const file = targetFile(home, triple);
  const loaded = await load<TargetFile, TargetFile>(file, TARGET, (parsed) => parsed, { read });
  if (!loaded.ok) return loaded;
  const { value, document } = loaded.value;
  const kind = await kindOf(home, value.libc, document, read);
  if (!kind.ok) return kind;
  if ((kind.value === 'wasi') !== (value.runtime === 'wasmtime')) return err(runtimeMisfit(value, document));
  return ok({ value: targetOf(triple, value, kind.value), document });
}

function runtimeMisfit({ libc, runtime }: TargetFile, document: YamlDocument): Failure {
  return {
    code: 'recipe/runtime-misfit',
    what: `\`${runtime}\` runs no programs of the C library \`${libc}\`.`,
    fix: ['Name `wasmtime` for WASI, and `qemu-user` for all else.'],
    at: document.locate(['runtime'], 'value'),
  };
}

function targetOf(rustTriple: string, read: TargetFile, libc: Target['libc']): Target {
  return {
    name: read.name,
    rustTriple,
    description: read.description,
    recipe: read.recipe ?? read.name,
    tier: read.tier,
    clangTriple: read['clang-triple'],
    multiarch: read.multiarch ?? read['clang-triple'],
    debianArch: read['debian-arch'],
    ociPlatform: read['oci-platform'],
    machine: read.machine,
    maybeOn: read['maybe-on'],
    libc,
    cLibrary: read.libc,
    pointerWidth: read['pointer-width'],
    endianness: read.endianness,
    runtime: read.runtime,
    ...defined({
      emulator: read.emulator && emulatorOf(read.emulator),
      elf: read.elf && elfOf(read.elf),
      older: olderOf(read['older-libc']),
      linuxArch: read['linux-arch'],
      actionsRunner: read['actions-runner'],
    }),
  };
}

function olderOf(read: TargetFile['older-libc']): Target['older'] {
  return read && { cLibrary: read.name, glibc: read.glibc };
}

function emulatorOf({ program, cpu }: NonNullable<TargetFile['emulator']>): Emulator {
  return { program, ...defined({ cpu }) };
}

function elfOf({ machine, number, interpreter }: NonNullable<TargetFile['elf']>): NonNullable<Target['elf']> {
  return { machine, number, ...defined({ interpreter }) };
}

/** The kind of a target's C library, from the file that the target names. */
async function kindOf(
  home: string,
  name: string,
  target: YamlDocument,
  read: Reader,
): Promise<Result<Target['libc']>> {
  const known = libcNames(home);
  if (!known.includes(name)) return err(unknownLibc(name, known, target));
  const document = await read(libcFile(home, name));
  if (!document.ok) return document;
  const kind = (document.value.value as { readonly kind?: unknown } | null)?.kind;
  if (kind === 'gnu' || kind === 'musl' || kind === 'wasi') return ok(kind);
  // Without a valid `kind`: loading reports all mistakes of the file.
  const loaded = await load<LibcFile, LibcFile>(document.value.file, LIBC, (parsed) => parsed, { read });
  return loaded.ok ? ok(loaded.value.value.kind) : loaded;
}

function unknownLibc(
  name: string,
  known: readonly string[],
  document: YamlDocument,
  key: 'libc' | 'run' | 'root' = 'libc',
): Failure {
  const meant = closest(name, known);
  return {
    code: 'recipe/unknown-libc',
    what: `There is no C library \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `There are: ${list(known) || 'none'}.`,
    ],
    at: document.locate([key], 'value'),
  };
}

/** A C library of one version, filled in for a target. */
export interface CLibrary {
  readonly name: string;
  readonly suite: string;
  /** Package of the C++ standard library. */
  readonly cxx?: string;
  /** The oldest release of glibc that programs can be linked for with it. */
  readonly oldestRelease?: string;
  readonly link: LibcFile['link'];
  readonly run: LibcFile['link'];
}

async function loadLibc(
  home: string,
  name: string,
  target: Target,
  read: Reader,
): Promise<Result<Loaded<CLibrary>>> {
  const variables = targetVariables(target);
  const options = { read, variables };
  const loaded = await load<LibcFile, LibcFile>(libcFile(home, name), LIBC, (parsed) => parsed, options);
  if (!loaded.ok) return loaded;
  const { value, document } = loaded.value;
  const run =
    typeof value.run === 'string'
      ? await runTreeOf(home, value.run, { document, key: 'run' }, options)
      : ok(value.run);
  if (!run.ok) return run;
  const { suite, cxx, link } = value;
  const optional = defined({ cxx, oldestRelease: value['oldest-release'] });
  return ok({ value: { name, suite, link, run: run.value, ...optional }, document });
}

/** The run-time tree that another C library states; `key` of the document names it. */
export async function runTreeOf(
  home: string,
  name: string,
  { document, key }: { readonly document: YamlDocument; readonly key: 'run' | 'root' },
  options: LoadOptions,
): Promise<Result<CLibrary['run']>> {
  const known = libcNames(home);
  if (!known.includes(name)) return err(unknownLibc(name, known, document, key));
  const loaded = await load<LibcFile, LibcFile>(libcFile(home, name), LIBC, (parsed) => parsed, options);
  if (!loaded.ok) return loaded;
  const { run } = loaded.value.value;
  // Not a chain of names, which could be a circle.
  return typeof run === 'string' ? err(unknownLibc(name, [run], document, key)) : ok(run);
}

/** The C library that programs for a target are linked with where nothing asks for a newer one. */
export async function loadLibcOfTarget(
  home: string,
  target: Target,
  read: Reader,
): Promise<Result<CLibrary>> {
  const own = await loadLibc(home, target.cLibrary, target, read);
  return own.ok ? ok(own.value.value) : own;
}

/**
 * The C library that a Python of a suite's packages is linked with: the suite's own, where there is one of the target's
 * kind; else the target's, out of that suite.
 */
export async function loadLibcOf(
  home: string,
  suite: string,
  target: Target,
  read: Reader,
): Promise<Result<CLibrary>> {
  const own = await loadLibc(home, target.cLibrary, target, read);
  if (!own.ok || own.value.value.suite === suite) return own.ok ? ok(own.value.value) : own;
  for (const name of libcNames(home)) {
    const head = await read(libcFile(home, name));
    const parsed = (head.ok ? head.value.value : undefined) as
      | { kind?: unknown; suite?: unknown }
      | undefined;
    if (parsed?.kind !== target.libc || parsed.suite !== suite) continue;
    const other = await loadLibc(home, name, target, read);
    return other.ok ? ok(other.value.value) : other;
  }
  return ok({ ...own.value.value, suite });
}
