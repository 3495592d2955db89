import { packageWith } from '../diagnose/read-catalogue.ts';
import { distribution } from '../distro/distribution.ts';
import { closest } from '../domain/closest.ts';
import type { Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { DefinitionFile, Resolved } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { toolsOn } from '../lock/additions.ts';
import type { LockedDefinition } from '../lock/checksum.ts';
import { readLock } from '../lock/lockfile.ts';
import type { LockDifference } from '../lock/relock.ts';
import { rustStdMismatch } from '../lock/rust-std.ts';
import { relockServed } from '../pipeline/relock.ts';
import { combineFailures } from '../recipe/combine-failures.ts';
import { definitionFiles, type LockedFile } from '../recipe/definitions.ts';
import { projectFile, recipeNames } from '../recipe/find.ts';
import { locatePackages } from '../recipe/locate-failure.ts';
import { resolveRecipe } from '../recipe/recipe.ts';
import { loadTargets } from '../recipe/targets.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { checkWhole } from './lock-check.ts';
import { checkPythonLocks, writePythonLocks } from './lock-python.ts';

export const command: Command = {
  name: 'lock',
  summary: 'resolve definitions to exact packages, write locks',
  positionals: [{ name: 'definition', required: false, rest: true, completes: 'definition' }],
  options: {
    check: {
      type: 'boolean',
      help: 'write nothing; fetch all from every mirror and compare',
    },
  },
  examples: [
    'provision lock',
    'provision lock docker/llvm',
    'provision lock --project my-crate',
    'provision lock --frozen',
    'provision lock --check docker/llvm',
  ],
  renders: false,
  run,
};

/** A definition and where its lock is. */
export interface Wanted {
  readonly file: DefinitionFile;
  readonly definition: LockedDefinition;
}

/** What stands behind the name of an image, a system, or a sysroot of its toolchain's architecture: it is locked for each of its architectures. */
const ARCHITECTURE =
  /(?<=^docker\/[^/]+|^systems\/[^/]+|^pythons\/[^/]+\/[^/]+|^sysroots\/[^/]+\/[^/]+\/[^/]+)\/[^/]+$/;

interface Locked {
  readonly id: string;
  readonly changed: boolean;
  readonly listed?: true;
  readonly differences: readonly LockDifference[];
  readonly kept?: readonly LockDifference[];
}

async function run({ context, positionals, values }: Invocation): Promise<Result<Outcome>> {
  const { settings } = context;
  const ofCrate =
    positionals.length === 0 ? projectFile(settings) !== undefined : namesRecipes(settings, positionals);
  const wanted = ofCrate ? await fromRecipes(settings, positionals) : await shipped(settings, positionals);
  if (!wanted.ok) return wanted;
  const recipes = ofCrate ? (positionals.length === 0 ? [undefined] : positionals) : [];
  if (settings.frozen || values.check === true) {
    const python = await checkPythonLocks(context, recipes);
    const fit = python.ok ? await checkOnly(wanted.value, python.value) : python;
    return fit.ok && values.check === true ? checkWhole(context, wanted.value) : fit;
  }
  const done: Locked[] = [];
  const failed = new Map<LockedDefinition['kind'], Failure>();
  for (const { file, definition } of wanted.value) {
    // The same packages for another machine fail the same way.
    if (failed.has(definition.kind)) continue;
    const locked = await relockServed(context, file, definition);
    if (!locked.ok) {
      if (!ofCrate || !NAMED.includes(locked.error.code)) return locked;
      failed.set(definition.kind, await inRecipe(settings, file, definition, locked.error));
      continue;
    }
    const { changed, listed, differences, kept } = locked.value;
    done.push({
      id: file.id,
      changed,
      differences,
      ...defined({ listed, kept: kept.length > 0 ? kept : undefined }),
    });
  }
  const failure = combineFailures([...failed.values()]);
  if (failure !== undefined) return err(failure);
  const python = await writePythonLocks(context, recipes);
  if (!python.ok) return python;
  done.push(...python.value);
  if (done.length === 0) return ok({ text: NOTHING_ADDED, json: done });
  const lines = done.flatMap(({ id, changed, listed, differences, kept = [] }) => [
    `${id}: ${changed ? 'lock written' : listed === true ? 'unchanged; its lists were added' : 'unchanged'}`,
    ...differences.map(describe),
    ...kept.map(stays),
  ]);
  return ok({ text: `${lines.join('\n')}\n`, json: done });
}

/** Failures about packages that a recipe names. */
const NAMED: readonly string[] = ['lock/unknown-package', 'lock/unsatisfiable'];

/** What cannot be resolved of what a recipe adds, located in the recipe. */
function inRecipe(
  { home }: Settings,
  { file }: DefinitionFile,
  definition: LockedDefinition,
  failure: Failure,
): Promise<Failure> {
  const [key, codes] =
    definition.kind === 'image'
      ? (['toolchain', ['missing-program']] as const)
      : (['sysroot', ['no-pkg-config-package', 'library-not-found', 'missing-header']] as const);
  const packageOf = (entry: string) => packageWith(home, codes, entry);
  return locatePackages(failure, file, key, packageOf, newerPackages(definition));
}

/** Where newer packages are, for a program that is linked with the C library of an older release. */
function newerPackages(definition: LockedDefinition): readonly string[] {
  const older = definition.kind === 'sysroot' ? definition.sysroot.suite : undefined;
  if (older === undefined) return [];
  return [
    `The program is linked with the C library of ${older}, and so are its libraries; where ${definition.suite} has what it lacks, ` +
      'write `python: {from: packages}`: that Python and its libraries are of that release.',
  ];
}

const NOTHING_ADDED =
  'The recipe adds nothing that is not locked: the locks that come with provision serve.\n';

/** With `--frozen` nothing is written: a missing or stale lock is the failure. */
async function checkOnly(wanted: readonly Wanted[], python: readonly string[]): Promise<Result<Outcome>> {
  for (const { file, definition } of wanted) {
    const lock = await readLock(file, definition);
    if (!lock.ok) return lock;
    if (definition.kind !== 'image') continue;
    for (const set of Object.keys(lock.value.sets)) {
      const mismatch = rustStdMismatch(file, definition, lock.value, set);
      if (mismatch !== undefined) return err(mismatch);
    }
  }
  const fitting = [...wanted.map(({ file: { id } }) => id), ...python];
  return ok({
    text: fitting.length === 0 ? NOTHING_ADDED : `${fitting.length} locks fit their definitions.\n`,
    json: fitting.map((id) => ({ id, changed: false })),
  });
}

/** Whether all words name recipes: `docker/…` and the like are paths too, but to folders of provision's own. */
function namesRecipes({ home }: Settings, words: readonly string[]): boolean {
  const names = recipeNames(home);
  return words.every((word) => names.includes(word) || /\.ya?ml$/.test(word));
}

/** The locks of recipes of a person's own: of sysroots and toolchains to which they add packages. */
async function fromRecipes(settings: Settings, words: readonly string[]): Promise<Result<readonly Wanted[]>> {
  const wanted: Wanted[] = [];
  for (const word of words.length === 0 ? [undefined] : words) {
    const resolved = await resolveRecipe(settings, word);
    if (!resolved.ok) return resolved;
    const { sysroot, sysrootFile } = resolved.value;
    if (sysrootFile !== undefined) wanted.push({ file: sysrootFile, definition: sysroot });
    const tools = await toolsOf(settings, word, resolved.value);
    if (!tools.ok) return tools;
    wanted.push(...tools.value);
  }
  return ok(wanted);
}

/** What a recipe adds to its toolchain, for every machine that the image is made for. */
async function toolsOf(
  settings: Settings,
  word: string | undefined,
  here: Resolved,
): Promise<Result<readonly Wanted[]>> {
  if (here.tools === undefined) return ok([]);
  const machines = await otherMachines(settings, here);
  if (!machines.ok) return machines;
  const all = [here];
  for (const machine of machines.value) {
    const other = await resolveRecipe({ ...settings, machine }, word);
    if (!other.ok) return other;
    all.push(other.value);
  }
  const wanted: Wanted[] = [];
  for (const { toolchain, tools, files } of all) {
    const image = await readLock(files.toolchain, toolchain, ['rootfs']);
    if (!image.ok) return image;
    if (tools === undefined || wanted.some(({ file }) => file.lockFile === tools.file.lockFile)) continue;
    wanted.push({ file: tools.file, definition: toolsOn(toolchain, image.value, tools.packages) });
  }
  return ok(wanted);
}

/** Names of the other machines that the image is made for, as `uname -m` has them. */
async function otherMachines(
  { home }: Settings,
  { hostTarget, toolchain }: Resolved,
): Promise<Result<readonly string[]>> {
  const targets = await loadTargets(home);
  if (!targets.ok) return targets;
  const others = toolchain.rootfs.others ?? [];
  const machines = targets.value
    .filter(({ value }) => others.includes(distribution.architectureOf(value)))
    .map(({ value }) => value.machine);
  return ok([...new Set(machines)].filter((machine) => machine !== hostTarget.machine));
}

async function shipped({ home }: Settings, ids: readonly string[]): Promise<Result<readonly Wanted[]>> {
  const files = await definitionFiles(home);
  if (!files.ok) return files;
  const chosen = choose(files.value, ids);
  if (!chosen.ok) return chosen;
  const wanted: Wanted[] = [];
  for (const { file, load } of chosen.value) {
    const definition = await load();
    if (!definition.ok) return definition;
    wanted.push({ file, definition: definition.value });
  }
  return ok(wanted);
}

function describe({ name, architecture, from, to }: LockDifference): string {
  if (from === undefined) return `  + ${name}:${architecture} ${to}`;
  if (to === undefined) return `  - ${name}:${architecture} ${from}`;
  return `  ~ ${name}:${architecture} ${from} → ${to}`;
}

function stays({ name, architecture, from, to }: LockDifference): string {
  return `  = ${name}:${architecture} ${from ?? 'none'}; no mirror serves ${to ?? 'it'} yet`;
}

/** Definitions by name, and all that are below a folder: `docker/llvm` is the image for each of its architectures. */
function choose(files: readonly LockedFile[], ids: readonly string[]): Result<readonly LockedFile[]> {
  if (ids.length === 0) return ok(files);
  const chosen = new Set<LockedFile>();
  for (const id of ids) {
    const name = id.replace(/\/+$/, '');
    const below = files.filter(({ file }) => file.id === name || file.id.startsWith(`${name}/`));
    if (below.length === 0) return err(unknown(id, files));
    for (const one of below) chosen.add(one);
  }
  return ok([...chosen]);
}

function unknown(id: string, files: readonly LockedFile[]): Failure {
  const known = [...new Set(files.map(({ file }) => file.id.replace(ARCHITECTURE, '')))];
  const meant = closest(id, known);
  return {
    code: 'usage/unknown-definition',
    what: `There is no image, Python, sysroot or system "${id}".`,
    fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Known: ${known.join(', ')}.`],
  };
}
