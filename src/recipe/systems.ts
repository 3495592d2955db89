import { defined } from '../domain/defined.ts';
import type { SysrootDefinition } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { ChosenSystem, SystemFacts } from '../domain/system.ts';
import type { Target } from '../domain/target.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { packagesOf } from './architectures.ts';
import { combineFailures } from './combine-failures.ts';
import type { LockedFile } from './definitions.ts';
import type { YamlDocument } from './document.ts';
import { systemFile, systemNames, systemYaml } from './folders.ts';
import { SYSTEM } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import { list } from './message-text.ts';
import type { Reader } from './reader.ts';
import type { SystemFile } from './schemas.ts';
import { runTreeOf } from './targets.ts';
import { targetVariables } from './template.ts';
import { treeOf } from './trees.ts';
import { unknown } from './unknown-name.ts';

export interface SystemsInput {
  readonly home: string;
  /** Names that the recipe gives; absent: the defaults. */
  readonly asked?: readonly string[];
  readonly document: YamlDocument;
  /** The recipe is applied to another target than its own: systems that this one has not are left out. */
  readonly borrowed: boolean;
  readonly target: Target;
  readonly sysroot: SysrootDefinition;
  readonly read: Reader;
}

export type Systems = {
  /** The system whose C library the bundle is linked with, where it is one of `systems/`. */
  readonly system?: SystemFacts;
  /** The others, in the order of the recipe or of their names. */
  readonly systems: readonly ChosenSystem[];
};

/** One of `systems/`, for a target. */
interface Known {
  readonly name: string;
  readonly loaded: Loaded<SystemFile>;
}

/**
 * The systems that a recipe's samples run on. Failures: `recipe/unknown-system`, `recipe/system-misfit` (it is for another C
 * library), `recipe/system-without-architecture`; each at the name in the recipe.
 */
export async function chooseSystems(input: SystemsInput): Promise<Result<Systems>> {
  const { asked, target, sysroot, document } = input;
  const known = await loadSystems(input);
  if (!known.ok) return known;
  const own = known.value.find(
    ({ loaded: { value } }) => value.libc === target.libc && value.suite === rootSuite(sysroot),
  );
  const chosen =
    asked === undefined ? ok(defaultsOf(known.value, own, input)) : namedOf(known.value, asked, input);
  if (!chosen.ok) return chosen;
  const systems: ChosenSystem[] = [];
  for (const one of chosen.value) {
    // The samples run there in any case.
    if (one === own) continue;
    const read = await systemOf(one, input);
    if (!read.ok) return read;
    const at = asked && placeOf(document, asked.indexOf(one.name));
    systems.push({ ...read.value, ...defined({ at }) });
  }
  return ok({ systems, ...defined({ system: own && factsOf(own) }) });
}

function rootSuite({ rootfs, suite }: SysrootDefinition): string {
  return rootfs.suite ?? suite;
}

function factsOf({ name, loaded: { value } }: Known): SystemFacts {
  return { name, description: value.description, ...defined({ glibc: value.glibc }) };
}

async function loadSystems({
  home,
  target,
  read,
}: Pick<SystemsInput, 'home' | 'target' | 'read'>): Promise<Result<readonly Known[]>> {
  const options = { read, variables: targetVariables(target) };
  const names = systemNames(home);
  const loaded = await Promise.all(
    names.map((name) =>
      load<SystemFile, SystemFile>(systemYaml(home, name), SYSTEM, (parsed) => parsed, options),
    ),
  );
  const failure = combineFailures(loaded.flatMap((one) => (one.ok ? [] : [one.error])));
  if (failure !== undefined) return err(failure);
  return ok(loaded.flatMap((one, i) => (one.ok ? [{ name: names[i] as string, loaded: one.value }] : [])));
}

/** Those that the bundle promises to run on: a glibc is compatible with programs that were linked with an older one. */
function defaultsOf(
  known: readonly Known[],
  own: Known | undefined,
  { target }: SystemsInput,
): readonly Known[] {
  const floor = own?.loaded.value.glibc;
  return known.filter(({ loaded: { value } }) => {
    if (misfitOf(value, target) !== undefined) return false;
    return value.glibc === undefined || (floor !== undefined && compareReleases(value.glibc, floor) >= 0);
  });
}

function namedOf(
  known: readonly Known[],
  asked: readonly string[],
  { target, document, borrowed }: SystemsInput,
): Result<readonly Known[]> {
  const names = known.map(({ name }) => name);
  const failures: Failure[] = [];
  const chosen = asked.flatMap((name, index) => {
    const found = known.find((one) => one.name === name);
    const misfit = found === undefined ? undefined : misfitOf(found.loaded.value, target);
    if (found !== undefined && misfit === undefined) return [found];
    if (found === undefined)
      failures.push({
        ...unknown('system', name, names, document, ['systems']),
        at: placeOf(document, index),
      });
    else if (!borrowed && misfit !== undefined)
      failures.push({
        ...MISFITS[misfit](name, found.loaded.value, target),
        fix: [
          `For \`${target.name}\` there are: ${list(fitting(known, target)) || 'none'}.`,
          asked.length > 1
            ? `Remove \`${name}\` from \`systems\`; without the key all that fit are taken.`
            : 'Remove the key: all that fit are taken then.',
        ],
        at: placeOf(document, index),
      });
    return [];
  });
  const failure = combineFailures(failures);
  return failure === undefined ? ok(chosen) : err(failure);
}

/** Where a recipe names a system. */
function placeOf(document: YamlDocument, index: number): SourcePosition {
  const path = ['systems', index];
  return document.locate(document.written(path) === undefined ? ['systems'] : path, 'value');
}

function fitting(known: readonly Known[], target: Target): readonly string[] {
  return known
    .filter(({ loaded: { value } }) => misfitOf(value, target) === undefined)
    .map(({ name }) => name);
}

type Misfit = 'libc' | 'architecture';

function misfitOf({ libc, architectures }: SystemFile, target: Target): Misfit | undefined {
  if (libc !== target.libc) return 'libc';
  return architectures?.includes(packagesOf(target, '')) === false ? 'architecture' : undefined;
}

const MISFITS: Readonly<
  Record<Misfit, (name: string, system: SystemFile, target: Target) => Pick<Failure, 'code' | 'what'>>
> = {
  libc: (name, { libc }, target) => ({
    code: 'recipe/system-misfit',
    what: `The system \`${name}\` is for programs of the C library \`${libc}\`, the target \`${target.name}\` has \`${target.libc}\`.`,
  }),
  architecture: (name, { architectures = [] }, target) => ({
    code: 'recipe/system-without-architecture',
    what: `The system \`${name}\` has no architecture \`${packagesOf(target, '')}\`, which the target \`${target.name}\` is of; it has ${list(architectures)}.`,
  }),
};

/** A system with its root for the target. */
async function systemOf(
  { name, loaded: { value, document } }: Known,
  { home, target, read }: Pick<SystemsInput, 'home' | 'target' | 'read'>,
): Promise<Result<ChosenSystem>> {
  const options = { read, variables: targetVariables(target) };
  const root =
    typeof value.root === 'string'
      ? await runTreeOf(home, value.root, { document, key: 'root' }, options)
      : ok(value.root);
  if (!root.ok) return root;
  const architecture = packagesOf(target, '');
  const of = { architecture, others: value.architectures ?? [] };
  const rootfs = await treeOf(home, root.value, of, { document, at: ['root'] });
  if (!rootfs.ok) return rootfs;
  return ok({
    definition: {
      kind: 'system',
      name,
      description: value.description,
      suite: value.suite ?? '',
      ...defined({ glibc: value.glibc }),
      rootfs: rootfs.value,
    },
    ...(root.value.packages.length === 0 ? {} : { file: systemFile(home, name, architecture) }),
  });
}

/** The systems for each architecture that they have a lock of. */
export async function lockedSystems(
  home: string,
  targets: readonly Target[],
  read: Reader,
): Promise<Result<readonly LockedFile[]>> {
  const files = new Map<string, LockedFile>();
  for (const target of targets) {
    const known = await loadSystems({ home, target, read });
    if (!known.ok) return known;
    for (const one of known.value) {
      if (one.loaded.value.architectures === undefined || misfitOf(one.loaded.value, target) !== undefined)
        continue;
      const file = systemFile(home, one.name, packagesOf(target, ''));
      const load = async () => {
        const system = await systemOf(one, { home, target, read });
        return system.ok ? ok(system.value.definition) : system;
      };
      if (!files.has(file.id)) files.set(file.id, { file, load });
    }
  }
  return ok([...files.values()].sort((a, b) => (a.file.id < b.file.id ? -1 : 1)));
}
