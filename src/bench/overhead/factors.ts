import type { Estimate } from '../../domain/measured.ts';
import type {
  ConfigurationResult,
  ConfigurationSettings,
  FactorEffect,
  FactorName,
  WorkloadName,
  WorkloadOverhead,
} from '../../domain/overhead.ts';
import { median } from '../measure.ts';
import { bootstrap } from '../stats.ts';

export const WORKLOADS: readonly WorkloadName[] = ['loop', 'amortize'];

/** Overhead in points, from milliseconds of the work alone; equal indices are the same iteration. */
export function overheadOf(python: readonly number[], isolate: readonly number[]): Estimate {
  const points = python.map((ms, i) => ((isolate[i] as number) / ms - 1) * 100);
  return bootstrap(points.length, (indices) => median(indices.map((i) => points[i] as number)));
}

interface Change {
  readonly factor: FactorName;
  readonly from: Partial<ConfigurationSettings>;
  readonly to: Partial<ConfigurationSettings>;
}

/** In the direction that is expected to lower the overhead, where there is one. */
const CHANGES: readonly Change[] = [
  // The claim itself: a shared library has to be position-independent, a static program does not.
  {
    factor: 'linkage+pie',
    from: { linkage: 'shared', pie: 'pie' },
    to: { linkage: 'static', pie: 'no-pie' },
  },
  ...steps('linkage', ['shared', 'static']),
  ...steps('pie', ['pie', 'no-pie']),
  ...steps('flavour', ['none', 'lto', 'pgo', 'pgo+lto']),
  ...steps('entry', ['runmain', 'embed']),
  ...steps('allocator', ['pymalloc', 'malloc', 'mimalloc']),
];

function steps(factor: keyof ConfigurationSettings, order: readonly string[]): readonly Change[] {
  return order.flatMap((from, i) =>
    order.slice(i + 1).map((to): Change => ({ factor, from: { [factor]: from }, to: { [factor]: to } })),
  );
}

/** The effect of each change on the overhead, from all pairs of configurations that differ in it alone. */
export function factorsOf(configurations: readonly ConfigurationResult[]): readonly FactorEffect[] {
  return CHANGES.flatMap((change) =>
    WORKLOADS.flatMap((workload) => {
      const found = effect(configurations, change, workload);
      return found === undefined ? [] : [found];
    }),
  );
}

function effect(
  configurations: readonly ConfigurationResult[],
  { factor, from, to }: Change,
  workload: WorkloadName,
): FactorEffect | undefined {
  const pairs = configurations
    .filter(({ settings }) => same({ ...settings, ...from }, settings))
    .flatMap((one) => {
      const other = configurations.find(({ settings }) => same({ ...one.settings, ...to }, settings));
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
    from: Object.values(from).join(', '),
    to: Object.values(to).join(', '),
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

function same(one: ConfigurationSettings, other: ConfigurationSettings): boolean {
  return (Object.keys(one) as (keyof ConfigurationSettings)[]).every((name) => one[name] === other[name]);
}

/** Difference of two overheads. Each was measured against its own runs of the reference, so the errors are independent. */
function effectOf(one: WorkloadOverhead, other: WorkloadOverhead): Estimate {
  const value = other.tax.value - one.tax.value;
  const half = Math.hypot((one.tax.high - one.tax.low) / 2, (other.tax.high - other.tax.low) / 2);
  return { value, low: value - half, high: value + half };
}
