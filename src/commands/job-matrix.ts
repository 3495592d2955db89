import { createHash } from 'node:crypto';
import type { Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Resolved } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { allLocks, type Locks, readLocks } from '../pipeline/trees.ts';
import { makePlan } from '../plan/plan.ts';
import { resolveRecipe } from '../recipe/recipe.ts';
import { runtimeOf } from '../runtime/runtime.ts';

/** Minutes of a job whose recipe does not set them: from packages, and with a CPython built from source. */
const MINUTES = { packages: 30, source: 120 } as const;

/** A recipe as a job of GitHub Actions. */
export interface Job {
  /** Name of the recipe: of its artifacts, too. */
  readonly name: string;
  /** As it was asked for: what `provision run` takes. */
  readonly recipe: string;
  /** Version of Python, where the command line names it. */
  readonly python?: string;
  /** Rust's triple. */
  readonly target: string;
  /** Label of the runner. */
  readonly runner: string;
  /** SHA-256 of everything that the locks name, in hexadecimal digits. */
  readonly cacheKey: string;
  readonly timeoutMinutes: number;
  /** How the samples are started there: `native`, or the name of an emulator. */
  readonly samples: string;
}

/** A recipe, with a version of Python where the command line names some. */
export interface MatrixPoint {
  readonly recipe: string;
  readonly python?: string;
}

export interface LeftOut {
  readonly recipe: string;
  readonly why: Failure;
}

export interface Matrix {
  readonly jobs: readonly Job[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * A job for each recipe whose locks are there and fit. A job runs on a machine of the toolchain image's kind: an image
 * for the machine of the target makes its samples run without an emulator. Fails where a recipe is not valid.
 */
export async function matrixOf(settings: Settings, points: readonly MatrixPoint[]): Promise<Result<Matrix>> {
  const jobs: Job[] = [];
  const leftOut: LeftOut[] = [];
  for (const { recipe, python } of points) {
    const { python: _, ...others } = settings;
    const resolved = await resolveFor({ ...others, ...defined({ python }) }, recipe);
    const locks = resolved.ok ? await readLocks(resolved.value) : resolved;
    if (resolved.ok && locks.ok) {
      const job = jobOf(recipe, resolved.value, locks.value);
      if (job.ok) jobs.push({ ...job.value, ...defined({ python }) });
      else leftOut.push({ recipe, why: job.error });
    } else if (!locks.ok) {
      if (!locks.error.code.startsWith('lock/')) return locks;
      leftOut.push({ recipe, why: locks.error });
    }
  }
  return ok({ jobs, leftOut });
}

/** For the machine of the runner that the recipe names; where it names none, the first that the image is made for. */
async function resolveFor(settings: Settings, recipe: string): Promise<Result<Resolved>> {
  const resolved = await resolveRecipe({ ...settings, machine: '' }, recipe);
  if (!resolved.ok) return resolved;
  const { target, recipe: said } = resolved.value;
  const runner = said.actions?.runner;
  if (runner === undefined || runner !== target.actionsRunner) return resolved;
  return resolveRecipe({ ...settings, machine: target.machine }, recipe);
}

function jobOf(recipe: string, resolved: Resolved, locks: Locks): Result<Job> {
  const { target, hostTarget, sysroot, toolchain } = resolved;
  const { actions = {}, name } = resolved.recipe;
  const runner = actions.runner ?? hostTarget.actionsRunner;
  if (runner === undefined) {
    return err({
      code: 'recipe/no-actions-runner',
      what: `GitHub has no runner of the machine that the image \`${toolchain.name}\` is for, \`${hostTarget.machine}\`.`,
      fix: ['Name the label of one of your own: `runner` below `actions` in the recipe.'],
    });
  }
  const plan = makePlan(resolved, { machine: hostTarget.machine, platform: 'linux' });
  return ok({
    name,
    recipe,
    target: target.rustTriple,
    runner,
    cacheKey: checksum(resolved, locks),
    timeoutMinutes: actions.timeoutMinutes ?? MINUTES[sysroot.source === undefined ? 'packages' : 'source'],
    samples: runtimeOf(plan.runtime).emulator(target) ?? plan.runtime,
  });
}

/** What the store of a job is filled with: the digests of all locked files, and of the locked engine. */
function checksum({ runtimeDefinition }: Resolved, locks: Locks): string {
  const digests = allLocks(locks)
    .flatMap(({ needed }) => needed)
    .map(({ digest }) => digest);
  if (runtimeDefinition !== undefined) digests.push(runtimeDefinition.wheel.digest);
  return createHash('sha256')
    .update([...new Set(digests)].sort().join('\n'))
    .digest('hex');
}
