import { ok, type Result } from '../../domain/result.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { planFrom } from '../../pipeline/prepare.ts';
import type { Session } from '../../pipeline/session.ts';
import { resolveRecipe } from '../../recipe/recipe.ts';
import { type PreparedRecipe, prepareFromPlan } from '../prepared-recipe.ts';
import type { OverheadBuild } from './builds.ts';

/** A build that is there. */
export interface FinishedBuild {
  readonly build: OverheadBuild;
  readonly ready: PreparedRecipe;
}

/** Takes the ordinary way from a recipe to a bundle, with the recipe's settings changed. Everything is kept in the store. */
export async function makeBuild(
  session: Session,
  build: OverheadBuild,
  { folder, place, of }: { readonly folder: string; readonly place: number; readonly of: number },
): Promise<Result<FinishedBuild>> {
  const resolved = await resolveRecipe(session.context.settings, build.recipe);
  if (!resolved.ok) return resolved;
  const changed = build.change(resolved.value);
  const how =
    changed.sysroot.kind !== 'cpython-source'
      ? 'from packages'
      : changed.sysroot.cpython.optimization.includes('pgo')
        ? 'where it is not in the store, CPython is compiled twice for it: 10 to 30 minutes'
        : 'where it is not in the store, CPython is compiled for it: 3 to 10 minutes';
  session.context.emit({
    type: 'notice',
    level: 'info',
    code: 'bench/cell',
    message: `Build ${place} of ${of}: ${build.name}, ${how}.`,
  });
  const planned = await planFrom(session, changed, hostMachine());
  if (!planned.ok) return planned;
  const ready = await prepareFromPlan(session, planned.value, folder);
  return ready.ok ? ok({ build, ready: ready.value }) : ready;
}
