/** What the time of a run went into, by kind of what was seen (`src/bench/tiers/profile.py`); any unit. */
export type Samples = Readonly<Record<string, number>>;

/** Workload → its share of a script's work; they add up to 1. */
export type Shares = Readonly<Record<string, number>>;

const ITERATIONS = 300;

/** A workload in which a kind was never seen may still have a little of it. */
const SMALLEST = 0.01;

/**
 * The shares of workloads that explain the samples of a script best: each workload is a distribution over the kinds, and the
 * shares are those of the likeliest mixture (expectation maximisation, Dempster, Laird and Rubin 1977). Without samples
 * all have the same share.
 */
export function mixtureOf(script: Samples, workloads: Readonly<Record<string, Samples>>): Shares {
  const names = Object.keys(workloads);
  const kinds = [...new Set([script, ...Object.values(workloads)].flatMap((one) => Object.keys(one)))];
  const seen = distribution(script, kinds, 0);
  const known = names.map((name) => distribution(workloads[name] ?? {}, kinds, SMALLEST));
  let shares = names.map(() => 1 / names.length);
  if (seen.every((value) => value === 0)) return named(names, shares);
  for (let i = 0; i < ITERATIONS; i += 1) {
    const next = names.map(() => 0);
    kinds.forEach((_, kind) => {
      const parts = known.map((one, j) => (shares[j] as number) * (one[kind] as number));
      const whole = parts.reduce((sum, part) => sum + part, 0);
      parts.forEach((part, j) => {
        next[j] = (next[j] as number) + ((seen[kind] as number) * part) / whole;
      });
    });
    shares = next;
  }
  return named(names, shares);
}

/** Values that add up to 1, none below `smallest` of the kinds' mean; all 0 where nothing was seen. */
function distribution(samples: Samples, kinds: readonly string[], smallest: number): readonly number[] {
  const values = kinds.map((kind) => Math.max(0, samples[kind] ?? 0));
  const sum = values.reduce((total, value) => total + value, 0);
  if (sum === 0) return values.map(() => (smallest === 0 ? 0 : 1 / kinds.length));
  const whole = 1 + smallest * kinds.length;
  return values.map((value) => (value / sum + smallest) / whole);
}

function named(names: readonly string[], shares: readonly number[]): Shares {
  return Object.fromEntries(names.map((name, i) => [name, shares[i] as number]));
}
