import { defined } from '../domain/defined.ts';
import type { Estimate, Timed } from '../domain/measured.ts';
import type { Plan } from '../domain/plan.ts';
import type { SuiteRecipe, SuiteSample, SuiteTimes } from '../domain/suite-times.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';
import { median } from './measure.ts';
import { quantile } from './stats.ts';

/** Summarizes the samples' times by recipe. */
export function suiteRecipes(
  plans: readonly Pick<Plan, 'recipe' | 'target' | 'runtime'>[],
  samples: readonly SuiteSample[],
): readonly SuiteRecipe[] {
  const native = plans.find(({ runtime }) => !runtimeCapabilities(runtime).emulated)?.recipe.name;
  return plans.map(({ recipe: { name }, target, runtime }) => {
    const ratio = ratioOf(samples, name);
    const against = native ?? 'the reference';
    const emulation = runtimeCapabilities(runtime).emulated ? ratioOf(samples, name, native) : undefined;
    return {
      recipe: name,
      target: { name: target.name, triple: target.rustTriple },
      runner: runtime,
      ...defined({ ratio }),
      ...(emulation === undefined ? {} : { emulation: { ...emulation, against } }),
    };
  });
}

/** Median and quartiles of the ratios, over the samples that both ran. */
function ratioOf(samples: readonly SuiteSample[], recipe: string, base?: string): Estimate | undefined {
  const ratios = samples.flatMap((sample) => {
    const time = timeOf(sample, recipe);
    const other = base === undefined ? sample.reference : timeOf(sample, base);
    return time === undefined || other === undefined ? [] : [time.median / other.median];
  });
  if (ratios.length === 0) return undefined;
  return { value: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

function timeOf({ times }: SuiteSample, recipe: string): Timed | undefined {
  const time = times[recipe];
  return time !== undefined && 'median' in time ? time : undefined;
}

const NAME = 32;
const CELL = 12;
/** The number that fits beside the names and the reference within 80 columns. */
const RECIPES_IN_A_TABLE = 3;

/** Tables of at most 80 columns: a row for each sample, a column for each recipe. */
export function suiteText(data: SuiteTimes): string {
  const tables: string[] = [];
  for (let i = 0; i < data.recipes.length; i += RECIPES_IN_A_TABLE) {
    tables.push(table(data, data.recipes.slice(i, i + RECIPES_IN_A_TABLE)));
  }
  const clock = data.clock === 'wall' ? 'launch to exit' : 'CPU time';
  return [
    `Samples: ms, ${clock}, median of ${data.rounds} interleaved runs after ${data.warmUp} warm-up`,
    '',
    ...tables,
    'Median over the samples of the ratio of times; the reference runs natively:',
    ...data.recipes.flatMap(summary),
    ...failures(data),
    '',
  ].join('\n');
}

function table({ samples, reference }: SuiteTimes, recipes: readonly SuiteRecipe[]): string {
  const row = (name: string, cells: readonly string[]): string =>
    cut(name, NAME).padEnd(NAME) + cells.map((cell) => cut(cell, CELL - 1).padStart(CELL)).join('');
  const lines = samples.map((sample) =>
    row(sample.name, [
      sample.reference.median.toFixed(1),
      ...recipes.map(({ recipe }) => cellOf(sample.times[recipe])),
    ]),
  );
  const head = row('', [reference, ...recipes.map(({ recipe }) => recipe)]);
  return [head, ...lines, ''].join('\n');
}

function cellOf(time: SuiteSample['times'][string] | undefined): string {
  if (time === undefined || 'skipped' in time) return 'skipped';
  return 'failed' in time ? 'FAILED' : time.median.toFixed(1);
}

function summary({ recipe, runner, ratio, emulation }: SuiteRecipe): readonly string[] {
  if (ratio === undefined) return [`${recipe}: no sample ran`];
  return [
    `${recipe}: ×${spread(ratio)} against the reference`,
    ...(emulation === undefined
      ? []
      : [`  ${runner} costs ×${spread(emulation)} against ${emulation.against}`]),
  ];
}

function spread({ value, low, high }: Estimate): string {
  return `${value.toFixed(2)} (half of them: ${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function failures({ samples }: SuiteTimes): readonly string[] {
  return samples.flatMap(({ name, times }) =>
    Object.entries(times).flatMap(([recipe, time]) =>
      'failed' in time ? [cut(`${name} on ${recipe}: ${time.failed}`, 80)] : [],
    ),
  );
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}
