import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { type Planned, planFrom } from '../../pipeline/prepare.ts';
import type { Session } from '../../pipeline/session.ts';
import { resolveRecipe } from '../../recipe/recipe.ts';
import { type Ready, readyFrom } from '../worlds.ts';
import type { TaxBuild } from './builds.ts';

/** A build that is there. */
export interface Made {
  readonly build: TaxBuild;
  readonly ready: Ready;
}

export interface PlannedBuild extends Planned {
  readonly build: TaxBuild;
}

/** Plans every build: its recipe with the recipe's settings changed. */
export async function planBuilds(
  context: Context,
  builds: readonly TaxBuild[],
): Promise<Result<readonly PlannedBuild[]>> {
  const plans: PlannedBuild[] = [];
  for (const build of builds) {
    const resolved = await resolveRecipe(context.settings, build.recipe);
    if (!resolved.ok) return resolved;
    const planned = await planFrom(context, build.change(resolved.value), hostMachine());
    if (!planned.ok) return planned;
    plans.push({ ...planned.value, build });
  }
  return ok(plans);
}

/** Takes the ordinary way from a plan to a bundle. Everything is kept in the store. */
export async function makeBuild(
  session: Session,
  planned: PlannedBuild,
  { folder, place, of }: { readonly folder: string; readonly place: number; readonly of: number },
): Promise<Result<Made>> {
  const { build } = planned;
  const { sysroot } = planned.plan;
  const how =
    sysroot.source === undefined
      ? 'from packages'
      : sysroot.source.cpython.optimization.includes('pgo')
        ? 'where it is not in the store, CPython is compiled twice for it: 10 to 30 minutes'
        : 'where it is not in the store, CPython is compiled for it: 3 to 10 minutes';
  session.context.emit({
    type: 'notice',
    level: 'info',
    code: 'bench/cell',
    message: `Build ${place} of ${of}: ${build.name}, ${how}.`,
  });
  const ready = await readyFrom(session, planned, folder);
  return ready.ok ? ok({ build, ready: ready.value }) : ready;
}
