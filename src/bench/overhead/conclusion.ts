import type { Estimate } from '../../domain/measured.ts';
import type { ConfigurationResult, FactorEffect } from '../../domain/overhead.ts';
import { signed } from '../amortize-text.ts';
import { DISTRIBUTION } from './builds.ts';
import { WORKLOADS } from './factors.ts';

/** Points below which an overhead is not noticeable; also the noise level of a quiet machine. */
const NEGLIGIBLE = 2;

/**
 * The claim under test: the overhead comes from the shared, position-independent libpython and disappears with static
 * linking and the same optimisation. Returns one sentence that confirms or refutes it from the measurements.
 */
export function concludeFrom(
  configurations: readonly ConfigurationResult[],
  factors: readonly FactorEffect[],
): string {
  const usual = configurations.filter(
    ({ settings: { entry, allocator } }) => entry === 'runmain' && allocator === 'pymalloc',
  );
  const before = usual.find(({ name }) => name === DISTRIBUTION);
  const after = leastTax(usual.filter(({ settings }) => settings.linkage === 'static'));
  if (before === undefined || after === undefined) {
    return "The measured configurations are inconclusive: the distribution's shared library and a static one are both needed.";
  }
  const changes = WORKLOADS.map((workload) => {
    const [from, to] = [before.workloads[workload].tax, after.workloads[workload].tax];
    return `${workload} ${points(from)} → ${points(to)}`;
  });
  const removed = WORKLOADS.every((workload) => after.workloads[workload].tax.low <= NEGLIGIBLE);
  const present = WORKLOADS.some((workload) => before.workloads[workload].tax.low > NEGLIGIBLE);
  const verdict = !present
    ? 'there is no tax to explain'
    : removed
      ? 'this removes the tax'
      : 'a tax remains';
  return `With ${before.name} replaced by ${after.name}: ${changes.join(', ')} points; ${verdict}${shares(factors)}.`;
}

/** How much of it is due to linking, position-independent code and optimisation, each with all else equal. */
function shares(factors: readonly FactorEffect[]): string {
  const named = [
    { factor: 'linkage+pie', to: 'static, no-pie', title: 'linking statically at a fixed address' },
    { factor: 'linkage', to: 'static', title: 'linking alone' },
    { factor: 'pie', to: 'no-pie', title: 'the address alone' },
    { factor: 'flavour', to: 'pgo', title: 'profiles' },
  ].flatMap(({ factor, to, title }) => {
    const found = WORKLOADS.flatMap(
      (workload) =>
        factors.find((one) => one.factor === factor && one.to === to && one.workload === workload) ?? [],
    );
    return found.length === 0
      ? []
      : [`${title} ${found.map(({ points: effect }) => signed(effect.value, 1)).join(' and ')}`];
  });
  return named.length === 0
    ? '; these configurations cannot separate linking from compiling'
    : `; all else equal: ${named.join(', ')} (loop and amortize)`;
}

function leastTax(configurations: readonly ConfigurationResult[]): ConfigurationResult | undefined {
  const sum = ({ workloads }: ConfigurationResult): number =>
    workloads.loop.tax.value + workloads.amortize.tax.value;
  return [...configurations].sort((a, b) => sum(a) - sum(b))[0];
}

function points({ value }: Estimate): string {
  return signed(value, 1);
}
