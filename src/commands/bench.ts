import { closest } from '../domain/closest.ts';
import { err, type Result } from '../domain/result.ts';
import type { Command, Invocation, Outcome } from './command.ts';

type Bench = (invocation: Invocation) => Promise<Result<Outcome>>;

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  provisioning: async () => (await import('../bench/provisioning.ts')).benchProvisioning,
  warm: async () => (await import('../bench/warm.ts')).benchWarm,
  edit: async () => (await import('../bench/edit.ts')).benchEdit,
  cache: async () => (await import('../bench/cache.ts')).benchCache,
  engine: async () => (await import('../bench/engine.ts')).benchEngine,
  amortize: async () => (await import('../bench/amortize.ts')).benchAmortize,
  suite: async () => (await import('../bench/suite.ts')).benchSuite,
  python: async () => (await import('../bench/python.ts')).benchPython,
  pyperformance: async () => (await import('../bench/pyperformance.ts')).benchPyperformance,
  tax: async () => (await import('../bench/overhead.ts')).benchOverhead,
  wasm: async () => (await import('../bench/wasm.ts')).benchWasm,
  onefile: async () => (await import('../bench/onefile.ts')).benchOnefile,
  tiers: async () => (await import('../bench/tiers.ts')).benchTiers,
  advise: async () => (await import('../bench/advise.ts')).benchAdvise,
};

export const command: Command = {
  name: 'bench',
  summary: 'benchmark the tool and the programs it builds',
  positionals: [
    { name: 'what', required: true },
    { name: 'recipes', required: false, rest: true, completes: 'recipe' },
  ],
  options: {
    rounds: { type: 'string', value: '<n>', help: 'measured runs of each side, interleaved' },
    'warm-up': { type: 'string', value: '<n>', help: 'runs before the measured ones' },
    m: { type: 'string', value: '<list>', help: 'amortize: values of M, such as 1,10,100' },
    workload: { type: 'string', value: '<script>', help: 'amortize: your own script, which reads AMORT_M' },
    isolation: { type: 'boolean', help: 'amortize: processes, interpreters and forks for many scripts' },
    scripts: { type: 'string', value: '<n>', help: 'amortize --isolation: empty scripts in turn (1000)' },
    clock: { type: 'string', value: '<name>', help: 'wall (the default) or cpu' },
    benchmarks: { type: 'string', value: '<list>', help: 'pyperformance: names (default: all that run)' },
    cells: { type: 'string', value: '<list>', help: 'tax: builds to measure (default: all)' },
    quick: { type: 'boolean', help: 'tax: two builds, without counting instructions' },
    artifacts: { type: 'string', value: '<folder>', help: 'folder for JSON and charts (artifacts/)' },
    'skip-cold': { type: 'boolean', help: 'skip the cold runs and the work by hand' },
  },
  examples: [
    'provision bench provisioning',
    'provision bench provisioning aarch64 --rounds 5',
    'provision bench amortize native',
  ],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const what = invocation.positionals[0] as string;
  const load = Object.hasOwn(BENCHES, what) ? BENCHES[what] : undefined;
  if (load === undefined) {
    const names = Object.keys(BENCHES);
    const meant = closest(what, names);
    return err({
      code: 'usage/unknown-bench',
      what: `There is no bench "${what}".`,
      fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Benches: ${names.join(', ')}.`],
    });
  }
  return (await load())(invocation);
}
