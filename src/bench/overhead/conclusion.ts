import type { Estimate } from '../../domain/measured.ts';
import type { ConfigurationResult, FactorEffect } from '../../domain/overhead.ts';
import { signed } from '../amortize-text.ts';
import { DISTRIBUTION } from './builds.ts';
import { WORKLOADS } from './factors.ts';

/** A tax of as many points is none that a person would notice; it is also what the noise of a quiet machine comes to. */
const NONE = 2;

/**
 * The claim under test: the tax is the shared, position-independent libpython, and linked statically and optimised
 * alike it is gone. One sentence for what the cells say to it, of both workloads.
 */
export function concludeFrom(
  cells: readonly ConfigurationResult[],
  factors: readonly FactorEffect[],
): string {
  const usual = cells.filter(
    ({ settings: { entry, allocator } }) => entry === 'runmain' && allocator === 'pymalloc',
  );
  const before = usual.find(({ name }) => name === DISTRIBUTION);
  const after = leastTax(usual.filter(({ settings }) => settings.linkage === 'static'));
  if (before === undefined || after === undefined) {
    return 'The cells that were measured do not decide it: it takes the shared library of the distribution and a static one.';
  }
  const parts = WORKLOADS.map((workload) => {
    const [from, to] = [before.workloads[workload].tax, after.workloads[workload].tax];
    return `${workload} ${points(from)} → ${points(to)}`;
  });
  const gone = WORKLOADS.every((workload) => after.workloads[workload].tax.low <= NONE);
  const taxed = WORKLOADS.some((workload) => before.workloads[workload].tax.low > NONE);
  const verdict = !taxed
    ? 'there is no tax to explain'
    : gone
      ? 'the tax is gone with it'
      : 'a tax remains without it';
  return `With ${before.name} replaced by ${after.name}: ${parts.join(', ')} points; ${verdict}${share(factors)}.`;
}

/** Of cells that are alike but for one change: whether it is the linking, the code that can be anywhere, or the optimising. */
function share(factors: readonly FactorEffect[]): string {
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
    ? '; these cells do not tell linking from compiling'
    : `; all else equal: ${named.join(', ')} (loop and amortize)`;
}

function leastTax(cells: readonly ConfigurationResult[]): ConfigurationResult | undefined {
  const sum = ({ workloads }: ConfigurationResult): number =>
    workloads.loop.tax.value + workloads.amortize.tax.value;
  return [...cells].sort((a, b) => sum(a) - sum(b))[0];
}

function points({ value }: Estimate): string {
  return signed(value, 1);
}
