import { ok, type Result } from '../../domain/result.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { planFrom } from '../../pipeline/prepare.ts';
import type { Session } from '../../pipeline/session.ts';
import { resolveRecipe } from '../../recipe/recipe.ts';
import { type PreparedRecipe, prepareFromPlan } from '../prepared-recipe.ts';
import type { OverheadBuild } from './builds.ts';

/** A build with its prepared recipe. */
export interface FinishedBuild {
  readonly build: OverheadBuild;
  readonly prepared: PreparedRecipe;
}

/** Runs the ordinary pipeline from recipe to bundle with the recipe's settings changed. All results are kept in the store. */
export async function makeBuild(
  session: Session,
  build: OverheadBuild,
  { folder, position, of }: { readonly folder: string; readonly position: number; readonly of: number },
): Promise<Result<FinishedBuild>> {
  const resolved = await resolveRecipe(session.context.settings, build.recipe);
  if (!resolved.ok) return resolved;
  const changed = build.change(resolved.value);
  const duration =
    changed.sysroot.kind !== 'cpython-source'
      ? 'from packages'
      : changed.sysroot.cpython.optimization.includes('pgo')
        ? 'compiles CPython twice unless it is in the store: 10 to 30 minutes'
        : 'compiles CPython unless it is in the store: 3 to 10 minutes';
  session.context.emit({
    type: 'notice',
    level: 'info',
    code: 'bench/cell',
    message: `Build ${position} of ${of}: ${build.name}, ${duration}.`,
  });
  const planned = await planFrom(session, changed, hostMachine());
  if (!planned.ok) return planned;
  const prepared = await prepareFromPlan(session, planned.value, folder);
  return prepared.ok ? ok({ build, prepared: prepared.value }) : prepared;
}
