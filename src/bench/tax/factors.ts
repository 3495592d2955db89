import type { Estimate } from '../../domain/measured.ts';
import type {
  TaxCell,
  TaxFactor,
  TaxFactorName,
  TaxMeasured,
  TaxSettings,
  TaxWorkload,
} from '../../domain/tax.ts';
import { median } from '../measure.ts';
import { bootstrap } from '../stats.ts';

export const WORKLOADS: readonly TaxWorkload[] = ['loop', 'amortize'];

/** Points of the tax from runs in turn: milliseconds of the work alone, both sides of a turn at one index. */
export function taxOf(python: readonly number[], isolate: readonly number[]): Estimate {
  const points = python.map((ms, turn) => ((isolate[turn] as number) / ms - 1) * 100);
  return bootstrap(points.length, (turns) => median(turns.map((turn) => points[turn] as number)));
}

/** Changes of one setting, in the direction that is expected to lower the tax; others go as they come. */
const DIRECTIONS: Readonly<Record<TaxFactorName, readonly string[]>> = {
  linkage: ['shared', 'static'],
  pie: ['pie', 'no-pie'],
  flavour: ['none', 'lto', 'pgo', 'pgo+lto'],
  entry: ['runmain', 'embed'],
  allocator: ['pymalloc', 'malloc', 'mimalloc'],
};

/** What each change of one setting does to the tax, from all pairs of cells that differ in it alone. */
export function factorsOf(cells: readonly TaxCell[]): readonly TaxFactor[] {
  return (Object.keys(DIRECTIONS) as TaxFactorName[]).flatMap((factor) => {
    const order = DIRECTIONS[factor];
    return order.flatMap((from, i) =>
      order.slice(i + 1).flatMap((to) =>
        WORKLOADS.flatMap((workload) => {
          const found = change(cells, factor, { from, to }, workload);
          return found === undefined ? [] : [found];
        }),
      ),
    );
  });
}

function change(
  cells: readonly TaxCell[],
  factor: TaxFactorName,
  { from, to }: { readonly from: string; readonly to: string },
  workload: TaxWorkload,
): TaxFactor | undefined {
  const pairs = cells
    .filter(({ settings }) => settings[factor] === from)
    .flatMap((one) => {
      const other = cells.find(({ settings }) => differOnly(one.settings, settings, factor, to));
      return other === undefined ? [] : [[one, other] as const];
    });
  if (pairs.length === 0) return undefined;
  const measured = pairs.map(([one, other]) => [one.workloads[workload], other.workloads[workload]] as const);
  const effects = measured.map(([one, other]) => effectOf(one, other));
  const instructions = measured.flatMap(([one, other]) =>
    one.instructions === undefined || other.instructions === undefined
      ? []
      : [other.instructions.tax - one.instructions.tax],
  );
  return {
    factor,
    from,
    to,
    workload,
    points: {
      value: median(effects.map(({ value }) => value)),
      low: Math.min(...effects.map(({ low }) => low)),
      high: Math.max(...effects.map(({ high }) => high)),
    },
    ...(instructions.length === 0 ? {} : { instructions: median(instructions) }),
    pairs: pairs.map(([one, other], i) => ({
      from: one.name,
      to: other.name,
      points: (effects[i] as Estimate).value,
    })),
  };
}

function differOnly(one: TaxSettings, other: TaxSettings, factor: TaxFactorName, to: string): boolean {
  return (Object.keys(one) as TaxFactorName[]).every((name) =>
    name === factor ? other[name] === to : other[name] === one[name],
  );
}

/** Difference of two taxes; each was measured against its own turns of the reference, so the spreads add as squares. */
export function effectOf(one: TaxMeasured, other: TaxMeasured): Estimate {
  const value = other.tax.value - one.tax.value;
  const half = Math.hypot((one.tax.high - one.tax.low) / 2, (other.tax.high - other.tax.low) / 2);
  return { value, low: value - half, high: value + half };
}
