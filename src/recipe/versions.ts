import { ok, type Result } from '../domain/result.ts';
import type { RecipeLookup } from './find.ts';
import { loadPythons } from './pythons.ts';
import { resolveRecipe } from './recipe.ts';

/** Failures that say that a recipe cannot have a version, and not that something is wrong with it. */
const NOT_THERE = [
  'recipe/no-such-python',
  'recipe/no-such-variant',
  'recipe/sysroot-misfit',
  'recipe/no-such-origin',
  'recipe/no-such-linkage',
  'recipe/pyo3-misfit',
  'recipe/abi3-misfit',
];

/**
 * The versions of Python that `--python` names for a recipe: one, several (`3.11,3.13`), or with `all` those that there are
 * for its target and that its crate compiles for, the newest first. Undefined where the option is not given.
 */
export async function namedVersions(
  lookup: RecipeLookup,
  recipe: string | undefined,
): Promise<Result<readonly string[] | undefined>> {
  const { python } = lookup;
  if (python === undefined) return ok(undefined);
  if (python !== 'all') return ok([...new Set(python.split(','))]);
  const pythons = await loadPythons(lookup.home);
  if (!pythons.ok) return pythons;
  const versions: string[] = [];
  for (const { value } of pythons.value) {
    const resolved = await resolveRecipe({ ...lookup, python: value.word }, recipe);
    if (resolved.ok) versions.push(value.word);
    else if (!NOT_THERE.includes(resolved.error.code)) return resolved;
  }
  return ok([...new Set(versions)]);
}
