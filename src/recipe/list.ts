import { defined } from '../domain/defined.ts';
import type { PythonOrigin } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { choosePoint } from './choose-point.ts';
import { combineFailures } from './combine-failures.ts';
import { recipeNames } from './find.ts';
import type { Loaded } from './load.ts';
import { loadShipped, type RecipeDraft } from './parse-recipe.ts';
import { type Axes, loadAllAxes } from './points.ts';
import { floorOf } from './pythons.ts';
import { openReader } from './reader.ts';
import { describe } from './recipe.ts';

export interface RecipeSummary {
  readonly name: string;
  readonly description: string;
  /** Rust's triple. */
  readonly target: string;
  /** Every version that there is of its implementation for some recipe, the newest first. */
  readonly pythons: readonly PythonSummary[];
}

/** A version of Python for a recipe, or why there is none. */
export type PythonSummary = { readonly version: string } & (
  | {
      readonly sysroot: string;
      readonly from: PythonOrigin | 'crate';
      /** The oldest glibc that it starts with, where it is for glibc. */
      readonly glibc?: string;
      /** It is the one that is taken where nothing names a version. */
      readonly default?: true;
      /** Names of its variants that there are for the target, sorted; absent: none. */
      readonly variants?: readonly string[];
    }
  | { readonly why: string }
);

/** The shipped recipes, by name, each with the Pythons that there are for it. */
export async function listRecipes(home: string): Promise<Result<readonly RecipeSummary[]>> {
  const read = openReader();
  const axes = await loadAllAxes(home, read);
  if (!axes.ok) return axes;
  const summaries: RecipeSummary[] = [];
  const failures: Failure[] = [];
  for (const name of recipeNames(home)) {
    const loaded = await loadShipped(home, name, read);
    const summary = loaded.ok ? summaryOf(name, loaded.value, axes.value) : loaded;
    if (summary.ok) summaries.push(summary.value);
    else failures.push(summary.error);
  }
  const failure = combineFailures(failures);
  return failure === undefined ? ok(summaries) : err(failure);
}

function summaryOf(
  name: string,
  { value: draft, document }: Loaded<RecipeDraft>,
  axes: Axes,
): Result<RecipeSummary> {
  const chosen = choosePoint(axes, draft, document);
  if (!chosen.ok) return chosen;
  const { target, python } = chosen.value;
  const { implementation } = python.value;
  const alike = axes.pythons.filter(({ value }) => value.implementation === implementation);
  const pythons = alike.map(({ value: { word, release, variants } }): PythonSummary => {
    const version = release === undefined ? word : `${implementation} ${release}`;
    const asked = { ...draft, pythonVersion: word, versionIsOption: true };
    const point = choosePoint(axes, asked, document);
    if (!point.ok) return { version, why: point.error.why ?? point.error.what };
    const { form } = point.value;
    const from = axes.forms.find((one) => one.name === form)?.from ?? 'crate';
    const isDefault = word === python.value.word ? true : undefined;
    const there = Object.keys(variants)
      .filter((variant) => choosePoint(axes, { ...asked, variant, variantIsOption: true }, document).ok)
      .sort();
    return {
      version,
      sysroot: form,
      from,
      ...defined({
        glibc: floorOf(point.value, form),
        default: isDefault,
        variants: there.length === 0 ? undefined : there,
      }),
    };
  });
  const description = describe(draft.description, target);
  return ok({ name, description, target: target.rustTriple, pythons });
}
