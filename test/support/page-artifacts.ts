import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Amortization } from '../../src/domain/amortization.ts';
import type { BlockerSummary, Ladder } from '../../src/domain/blocker.ts';
import type { Conformance } from '../../src/domain/conformance.ts';
import type { ConfigurationResult, OverheadReport, WorkloadName } from '../../src/domain/overhead.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import { tierTable } from './measured.ts';
import { report, SAMPLES } from './report.ts';

/** What a program could print to harm whoever looks at the page. */
const HOSTILE =
  '</script></pre></div><script>document.title="harmed"</script><img src=x onerror="document.title=\'harmed\'">' +
  '" onmouseover="document.title=\'harmed\'" &lt; \u202e \u0000 \u001b[31m \ud800';

const BLOCKER: BlockerSummary = {
  code: 'missing-target-std',
  stage: 'build',
  title: `There is no std for the target ${HOSTILE}`,
  lines: ["error[E0463]: can't find crate for `core`", HOSTILE],
  because: 'The toolchain has no standard library for the target.',
  cure: 'provision lock <sysroot>',
  file: 'blockers/missing-target-std.json',
  log: 'blockers/missing-target-std.log',
};

const LADDER: Ladder = {
  schema: 1,
  recipe: 'far',
  target: 'far-unknown-linux-gnu',
  started: '2026-01-02T03:04:05.678Z',
  ms: 91_000,
  versions: { rustc: '1.85.1' },
  outcome: 'runs',
  steps: [
    {
      number: 0,
      name: 'nothing',
      title: 'Nothing is provisioned',
      adds: [],
      command: 'cargo build --target far-unknown-linux-gnu',
      ms: 1200,
      blocker: BLOCKER,
    },
    {
      number: 1,
      name: 'target-std',
      title: 'The standard library of the target',
      adds: ['libstd-rust-dev:far', HOSTILE],
      command: 'cargo build --target far-unknown-linux-gnu',
      ms: 9000,
      cures: 'missing-target-std',
    },
  ],
};

export const CONFORMANCE: Conformance = {
  schema: 1,
  recipe: 'far',
  target: { name: 'far-unknown-linux-gnu', triple: 'far-unknown-linux-gnu' },
  python: '3.13.5-2',
  started: '2026-01-02T03:04:05.678Z',
  ms: 1000,
  totals: {
    modules: 2,
    conforming: 1,
    reference: { passed: 3, failed: 0, skipped: 1 },
    target: { passed: 1, failed: 2, skipped: 1 },
    worse: 2,
    declared: 1,
    cached: 0,
  },
  modules: [
    {
      name: 'test_far',
      conforms: false,
      reference: { end: 'done', passed: 2, failed: 0, skipped: 1, ms: 10 },
      target: { end: 'done', passed: 0, failed: 2, skipped: 1, ms: 100 },
      differences: [
        {
          test: 'test.test_far.FarTest.test_near',
          kind: 'worse',
          reference: 'passed',
          target: 'failed',
          message: `AssertionError: ${HOSTILE}`,
        },
        {
          test: 'test.test_far.FarTest.test_known',
          kind: 'worse',
          reference: 'passed',
          target: 'failed',
          message: 'OSError',
          declared: `It is far ${HOSTILE}`,
        },
      ],
    },
    {
      name: 'test_grammar',
      conforms: true,
      reference: { end: 'done', passed: 1, failed: 0, skipped: 0, ms: 10 },
      target: { end: 'done', passed: 1, failed: 0, skipped: 0, ms: 100 },
      differences: [],
    },
  ],
};

function amortization(): Amortization {
  const timed = (median: number) => ({ median, min: median, runs: [median] });
  return {
    schema: 1,
    what: 'amortize',
    tool: { name: 'provision', version: '0.1.0' },
    started: '2026-01-02T03:04:05.678Z',
    finished: '2026-01-02T03:05:05.678Z',
    host: { machine: 'near64', cores: 2 },
    recipe: 'far',
    target: { name: 'far-unknown-linux-gnu', triple: 'far-unknown-linux-gnu' },
    runner: 'native',
    reference: 'python3.13',
    clock: 'wall',
    warmUp: 2,
    points: [1, 10, 100, 1000, 10_000].map((rounds) => ({
      rounds,
      python: timed(15 + rounds / 1000),
      isolate: timed(11 + rounds / 800),
      delta: -4 + rounds / 4000,
      ratio: (11 + rounds / 800) / (15 + rounds / 1000),
      exact: true,
    })),
    fit: {
      pythonLaunch: 15,
      isolateLaunch: 11,
      pythonStep: 1000,
      isolateStep: 1250,
      launchSaving: { value: 4, low: 3.8, high: 4.2 },
      tax: { value: 0.25, low: 0.2, high: 0.3 },
      crossover: { kind: 'at', rounds: 16_000, low: 15_000, high: 17_000, beyond: 'python' },
    },
    exact: true,
  };
}

function tax(): OverheadReport {
  const timed = { median: 10, min: 9, runs: [9, 10, 11] };
  const estimate = (value: number) => ({ value, low: value - 1, high: value + 1 });
  const measured = (value: number) => ({ python: timed, isolate: timed, tax: estimate(value) });
  const cell = (linkage: 'shared' | 'static', value: number): ConfigurationResult => ({
    name: `${linkage} ${HOSTILE}`,
    recipe: 'far',
    settings: { linkage, flavour: 'debian', entry: 'runmain', allocator: 'pymalloc', pie: 'pie' },
    workloads: { loop: measured(value), amortize: measured(value) },
    exact: true,
  });
  const factor = (workload: WorkloadName) =>
    ({
      factor: 'linkage',
      from: 'shared',
      to: 'static',
      workload,
      points: estimate(-24),
      pairs: [{ from: 'shared', to: 'static', points: -24 }],
    }) as const;
  const { schema, tool, started, finished, host } = amortization();
  return {
    ...{ schema, tool, started, finished, host, what: 'tax', reference: 'python3.13' },
    ...{ rounds: 15, warmUp: 2, cells: [cell('shared', 25), cell('static', 1)] },
    factors: [factor('loop'), factor('amortize')],
    noise: [],
    conclusion: `Linked statically it is gone. ${HOSTILE}`,
  };
}

/** Artifacts of a recipe with everything that can be reported, all of it hostile, and of a plain one. */
export function writeArtifacts(folder: string): void {
  const differs: SampleResult = {
    name: `any/hostile ${HOSTILE}`,
    title: HOSTILE,
    tier: 'any',
    status: 'failed',
    kind: 'output-differs',
    file: 'samples/any/hostile.py',
    reason: HOSTILE,
    diff: `--- reference stdout\n+++ target stdout\n@@ -1,1 +1,1 @@\n-1\n+${HOSTILE}\n`,
    logs: [`logs/any/hostile <"'&>.diff`],
  };
  const full = report({
    status: 'failed',
    samples: [differs, ...SAMPLES],
    blockers: [BLOCKER],
    notices: [{ level: 'warning', code: 'samples/declared-not-seen', message: HOSTILE }],
    stages: [
      { name: 'toolchain', outcome: 'hit', start: 0, ms: 12, detail: HOSTILE },
      { name: 'build', outcome: 'done', start: 20, ms: 41_000 },
      { name: 'run', outcome: 'failed', start: 41_020, ms: 19_000 },
    ],
  });
  write(folder, 'far', { report: full, ladder: LADDER, conformance: CONFORMANCE, amortize: amortization() });
  writeFileSync(join(folder, 'tax.json'), JSON.stringify(tax()));
  writeFileSync(join(folder, 'tiers.json'), JSON.stringify(tierTable()));
  write(folder, 'near', {
    report: report({ recipe: 'near', status: 'passed', samples: SAMPLES.slice(0, 3), blockers: [] }),
  });
}

function write(folder: string, recipe: string, files: Readonly<Record<string, unknown>>): void {
  mkdirSync(join(folder, recipe), { recursive: true });
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, recipe, `${name}.json`), JSON.stringify(value));
  }
}
