import { ok, type Result } from '../../domain/result.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { planFrom } from '../../pipeline/prepare.ts';
import type { Session } from '../../pipeline/session.ts';
import { resolveRecipe } from '../../recipe/recipe.ts';
import { type Ready, readyFrom } from '../worlds.ts';
import type { TaxBuild } from './builds.ts';

/** A build that is there. */
export interface Made {
  readonly build: TaxBuild;
  readonly ready: Ready;
}

/** Takes the ordinary way from a recipe to a bundle, with the recipe's settings changed. Everything is kept in the store. */
export async function makeBuild(
  session: Session,
  build: TaxBuild,
  { folder, place, of }: { readonly folder: string; readonly place: number; readonly of: number },
): Promise<Result<Made>> {
  const resolved = await resolveRecipe(session.context.settings, build.recipe);
  if (!resolved.ok) return resolved;
  const changed = build.change(resolved.value);
  const how =
    changed.sysroot.source === undefined
      ? 'from packages'
      : changed.sysroot.source.cpython.optimization.includes('pgo')
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
  const ready = await readyFrom(session, planned.value, folder);
  return ready.ok ? ok({ build, ready: ready.value }) : ready;
}
