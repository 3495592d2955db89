import { defined } from '../domain/defined.ts';

/** A tier in which the script gives the same bytes as the reference. */
export interface Candidate {
  readonly name: string;
  /** Milliseconds of a process that several calls share; absent: each call has its own. */
  readonly start?: number;
  /** Milliseconds of each call: its launch, and the script's work. */
  readonly launch: number;
  readonly work: number;
}

/** Where another tier would be the one to take. */
export interface Crossover {
  readonly name: string;
  /** `calls`: number of calls; `work`: times the work of the script as it was run. */
  readonly what: 'calls' | 'work';
  readonly from?: number;
  readonly below?: number;
}

export interface Choice {
  readonly take: Candidate;
  /** Milliseconds of all calls, the cheapest first. */
  readonly ranked: readonly { readonly candidate: Candidate; readonly ms: number }[];
  readonly crossovers: readonly Crossover[];
}

/** Milliseconds of `calls` calls, each with `factor` times the work. */
export function costOf({ start = 0, launch, work }: Candidate, calls: number, factor = 1): number {
  return start + calls * (launch + factor * work);
}

/** The cheapest for a number of calls; of equal ones the first. Undefined where there is none to choose from. */
export function choose(candidates: readonly Candidate[], calls: number): Choice | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, ms: costOf(candidate, calls) }))
    .sort((one, other) => one.ms - other.ms);
  const [first] = ranked;
  if (first === undefined) return undefined;
  const take = first.candidate;
  return {
    take,
    ranked,
    crossovers: [
      ...nearest(candidates, take, 'work', 1, (other) => workCrossing(take, other, calls)),
      ...nearest(candidates, take, 'calls', calls, (other) => callsCrossing(take, other)),
    ],
  };
}

/** The times of the work at which two tiers cost the same; undefined: at none above 0. */
function workCrossing(one: Candidate, other: Candidate, calls: number): number | undefined {
  const slope = calls * (one.work - other.work);
  return positive((costOf(other, calls, 0) - costOf(one, calls, 0)) / slope);
}

/** The number of calls at which two tiers cost the same. */
function callsCrossing(one: Candidate, other: Candidate): number | undefined {
  const slope = one.launch + one.work - other.launch - other.work;
  return positive(((other.start ?? 0) - (one.start ?? 0)) / slope);
}

function positive(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/** The nearest crossing above `here`, and the nearest below: what lies between them is the chosen one's. */
function nearest(
  candidates: readonly Candidate[],
  take: Candidate,
  what: Crossover['what'],
  here: number,
  crossing: (other: Candidate) => number | undefined,
): readonly Crossover[] {
  const all = candidates
    .filter((one) => one !== take)
    .flatMap(({ name }, i, others) => {
      const at = crossing(others[i] as Candidate);
      return at === undefined ? [] : [{ name, at }];
    })
    .sort((one, other) => one.at - other.at);
  const above = all.find(({ at }) => at > here);
  const below = all.findLast(({ at }) => at < here);
  return [
    ...(below === undefined ? [] : [{ name: below.name, what, ...defined({ below: below.at }) }]),
    ...(above === undefined ? [] : [{ name: above.name, what, ...defined({ from: above.at }) }]),
  ];
}
