import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { type Planned, planFrom } from '../../pipeline/prepare.ts';
import type { Session } from '../../pipeline/session.ts';
import { resolveRecipe } from '../../recipe/recipe.ts';
import { type PreparedRecipe, prepareFromPlan } from '../prepared-recipe.ts';
import type { OverheadBuild } from './builds.ts';

/** A build with its prepared recipe. */
export interface FinishedBuild {
  readonly build: OverheadBuild;
  readonly prepared: PreparedRecipe;
}

export interface PlannedBuild extends Planned {
  readonly build: OverheadBuild;
}

/** Plans each build: its recipe with changed settings. */
export async function planBuilds(
  context: Context,
  builds: readonly OverheadBuild[],
): Promise<Result<readonly PlannedBuild[]>> {
  const plans: PlannedBuild[] = [];
  for (const build of builds) {
    const { recipe } = build;
    const resolved = await resolveRecipe(
      context.settings,
      recipe.endsWith('.yaml') ? join(context.settings.home, recipe) : recipe,
    );
    if (!resolved.ok) return resolved;
    const planned = await planFrom(context, build.change(resolved.value), hostMachine());
    if (!planned.ok) return planned;
    plans.push({ ...planned.value, build });
  }
  return ok(plans);
}

/** Runs the ordinary pipeline from plan to bundle. All results are kept in the store. */
export async function makeBuild(
  session: Session,
  planned: PlannedBuild,
  { folder, position, of }: { readonly folder: string; readonly position: number; readonly of: number },
): Promise<Result<FinishedBuild>> {
  const { build } = planned;
  const { sysroot } = planned.plan;
  const duration =
    sysroot.source === undefined
      ? 'from packages'
      : 'compiles CPython unless it is in the store: 3 to 10 minutes';
  session.context.emit({
    type: 'notice',
    level: 'info',
    code: 'bench/cell',
    message: `Build ${position} of ${of}: ${build.name}, ${duration}.`,
  });
  const prepared = await prepareFromPlan(session, planned, folder);
  return prepared.ok ? ok({ build, prepared: prepared.value }) : prepared;
}
