import type { Failure } from '../failure.ts';

/** Further mistakes are not listed: the first ones are fixed first. */
const MOST_TOLD = 20;

/** Combines several mistakes into one failure: the first, with the rest in `also`. In order of files, then of locations. */
export function combineFailures(failures: readonly Failure[]): Failure | undefined {
  const all = failures.flatMap(({ also = [], ...own }) => [own, ...also]);
  // What several files name is told once.
  const flat = [...new Map(all.map((failure) => [JSON.stringify(failure), failure])).values()];
  const files = [...new Set(flat.map((failure) => failure.at?.file))];
  const rank = (failure: Failure): readonly number[] => [
    files.indexOf(failure.at?.file),
    failure.at?.line ?? 0,
    failure.at?.column ?? 0,
  ];
  const [first, ...rest] = flat
    .map((failure) => ({ failure, rank: rank(failure) }))
    .sort(
      (a, b) => a.rank.map((own, i) => own - (b.rank[i] ?? 0)).find((difference) => difference !== 0) ?? 0,
    )
    .map(({ failure }) => failure)
    .slice(0, MOST_TOLD);
  return first === undefined || rest.length === 0 ? first : { ...first, also: rest };
}
