import { judge, summary } from '../../src/advise/judge.ts';
import { fitAmortization } from '../../src/bench/fit.ts';
import { BUILDS } from '../../src/bench/overhead/builds.ts';
import { concludeFrom } from '../../src/bench/overhead/conclusion.ts';
import { configurationsOf } from '../../src/bench/overhead/configurations.ts';
import { factorsOf } from '../../src/bench/overhead/factors.ts';
import { timed } from '../../src/bench/stats.ts';
import { suiteRecipes } from '../../src/bench/suite-text.ts';
import type { Amortization } from '../../src/domain/amortization.ts';
import { defined } from '../../src/domain/defined.ts';
import type { JudgedAdvice } from '../../src/domain/judged-advice.ts';
import type {
  ConfigurationResult,
  ConfigurationSettings,
  OverheadReport,
} from '../../src/domain/overhead.ts';
import type { SuiteSample, SuiteTimes } from '../../src/domain/suite-times.ts';
import type { TierTable } from '../../src/domain/tier-table.ts';

const BY = {
  schema: 1,
  tool: { name: 'provision', version: '0.1.0' },
  started: '2026-01-02T03:04:05.006Z',
  finished: '2026-01-02T03:05:05.006Z',
  host: { machine: 'x86_64', cores: 2 },
} as const;

/** Times as two lines give them: milliseconds to launch, and for one round. */
export function amortization(
  python: readonly [number, number] = [14, 0.0012],
  isolate: readonly [number, number] = [11, 0.0014],
): Amortization {
  const points = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].map((rounds) => {
    const of = ([launch, step]: readonly [number, number]): number[] =>
      [0.99, 1, 1.02].map((noise) => (launch + step * rounds) * noise);
    const [p, i] = [timed(of(python)), timed(of(isolate))];
    return {
      rounds,
      python: p,
      isolate: i,
      delta: i.median - p.median,
      ratio: i.median / p.median,
      exact: true,
    };
  });
  const fit = fitAmortization(
    points.map((point) => ({
      rounds: point.rounds,
      python: point.python.runs,
      isolate: point.isolate.runs,
    })),
  );
  return {
    ...BY,
    what: 'amortize',
    recipe: 'riscv64',
    target: { name: 'riscv64gc-unknown-linux-gnu', triple: 'riscv64gc-unknown-linux-gnu' },
    runner: 'qemu-user',
    reference: 'python3.13',
    clock: 'wall',
    warmUp: 2,
    points,
    ...defined({ fit }),
    exact: true,
  };
}

/** An overhead report with known effects, for the builds given by name. */
export function tax(names: readonly string[] = BUILDS.map(({ name }) => name)): OverheadReport {
  const cells = configurationsOf(BUILDS.filter(({ name }) => names.includes(name))).map(
    ({ name, build, settings }): ConfigurationResult => {
      const points = pointsOf(settings);
      const measured = {
        python: timed([200, 201, 202]),
        isolate: timed([200, 201, 202].map((ms) => ms * (1 + points / 100))),
        tax: { value: points, low: points - 1, high: points + 1 },
        instructions: { python: 100, isolate: 100 + points / 2, tax: points / 2 },
      };
      return {
        name,
        recipe: build.recipe,
        settings,
        workloads: { loop: measured, amortize: measured },
        exact: true,
      };
    },
  );
  const factors = factorsOf(cells);
  return {
    ...BY,
    what: 'tax',
    reference: 'python3.13',
    rounds: 9,
    warmUp: 1,
    counter: { program: 'callgrind', why: 'perf stat counts nothing here (not supported)' },
    cells,
    factors,
    noise: ['nothing', 'hash seed', 'address-space layout'].flatMap((source) =>
      (['loop', 'amortize'] as const).map((workload) => ({
        cell: 'static-pgo',
        workload,
        source,
        points: [1, 2, 3],
        spread: 1,
      })),
    ),
    conclusion: concludeFrom(cells, factors),
  };
}

/** Linking takes 12 points, fixed addresses 8, profiles 14. */
function pointsOf({ linkage, pie, flavour }: ConfigurationSettings): number {
  return (linkage === 'shared' ? 12 : 0) + (pie === 'pie' ? 8 : 0) + (/pgo|debian/.test(flavour) ? 0 : 14);
}

export function suiteTimes(recipes: readonly string[] = ['x86_64', 'aarch64']): SuiteTimes {
  const samples: readonly SuiteSample[] = [
    sample('any/containers', 20, recipes),
    sample('realworld/a_name_that_is_longer_than_its_column', 40, recipes),
    {
      ...sample('dynamic/child_interpreters', 300, recipes),
      times: Object.fromEntries(
        recipes.map((name, i) => [
          name,
          i === 0
            ? timed([310])
            : i === 1
              ? { skipped: 'subprocess' }
              : { failed: 'status 1 instead of 0: no' },
        ]),
      ),
    },
  ];
  const plans = recipes.map((name, i) => ({
    recipe: { name },
    target: { name, rustTriple: `${name}-unknown-linux-gnu` },
    runtime: i === 0 ? 'native' : 'qemu-user',
  }));
  return {
    ...BY,
    what: 'suite',
    reference: 'python3.13',
    clock: 'wall',
    rounds: 3,
    warmUp: 1,
    recipes: suiteRecipes(plans as unknown as Parameters<typeof suiteRecipes>[0], samples),
    samples,
  };
}

function sample(name: string, ms: number, recipes: readonly string[]): SuiteSample {
  const times = Object.fromEntries(recipes.map((recipe, i) => [recipe, timed([ms * (1 + 9 * i)])]));
  return { name, tier: name.split('/')[0] as string, reference: timed([ms]), times };
}

/** Tiers that are `times` as slow as the first; two are not there. */
export function tierTable(times: readonly number[] = [1, 0.8, 12, 0.05]): TierTable {
  const names = ['python3', 'native', 'wasm-snapshot-of', 'pypy3'];
  const workloads = ['objects', 'numbers', 'floats', 'containers', 'text', 'library', 'imports'];
  return {
    ...BY,
    what: 'tiers',
    reference: 'python3',
    rounds: 5,
    warmUp: 1,
    workload: 'objects',
    tiers: [
      ...times.map((factor, i) => ({
        name: names[i] ?? `tier-${i}`,
        description: 'A way to run a script.',
        launch: 12 * factor,
        steps: Object.fromEntries(workloads.map((name, n) => [name, 350 * factor * (n + 1)])),
        memory: 16_000 * factor,
        ...(i === 0 ? {} : { size: 16_800_000, samples: { equal: 63, all: 68 } }),
        differing: i === 2 ? ['text'] : [],
      })),
      {
        ...{ name: 'musl', description: 'The same with musl.', absent: 'it is not provisioned' },
        command: 'provision bench tiers musl',
      },
      {
        name: 'pyston',
        description: 'A fork.',
        absent: 'no registry that is asked here has a package of it any more',
      },
    ],
  };
}

export function judgedAdvice(): JudgedAdvice {
  const costs = { python3: 100, native: 80, pypy3: 83 };
  const judged = (take: string) => ({ take, ...judge(costs, take) });
  const scripts = ['strings', 'a_script_of_a_longer_name'].map((script, i) => ({
    ...{ script, equal: 3, costs, reference: judge(costs, 'python3') },
    advised: judged(i === 0 ? 'native' : 'pypy3'),
    fromReference: judged('python3'),
  }));
  return {
    ...BY,
    what: 'advise',
    ...{ reference: 'python3', rounds: 7, warmUp: 1, trials: 3, goals: { right: 0.9, regret: 0.05 } },
    advised: summary(scripts.map(({ advised }) => advised)),
    fromReference: summary(scripts.map(({ fromReference }) => fromReference)),
    withoutAdvice: summary(scripts.map(({ reference }) => reference)),
    always: { native: summary([judge(costs, 'native'), judge(costs, 'native')]) },
    scripts,
  };
}
