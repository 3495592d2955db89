// Short real runs of the benches, each of them, and the files they write. Those that take minutes are run with
// PROVISION_TEST_ALL=1.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Row } from '../../src/bench/rows.ts';
import type { Amortization } from '../../src/domain/amortization.ts';
import type { OverheadReport } from '../../src/domain/overhead.ts';
import type { Pyperformance } from '../../src/domain/pyperformance.ts';
import type { SuiteTimes } from '../../src/domain/suite-times.ts';
import { type CliRun, PACKAGED_AARCH64, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { engineMissing, startEngine } from '../support/dockerd.ts';
import { NO_REGISTRY } from '../support/registry.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision bench ü ');

function bench(...args: string[]): Promise<CliRun> {
  return provision(['bench', ...args], { cwd: folder, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
}

function artifact(...path: string[]): string {
  return readFileSync(join(folder, 'artifacts', ...path), 'utf8');
}

const whole = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it';

test('amortize: measures both sides at each M, with equal outputs, and writes JSON and charts', async () => {
  const run = await bench('amortize', 'aarch64', '--m', '10,1', '--rounds', '2', '--warm-up', '0');
  assert.equal(run.status, 0, run.stderr);
  const data = JSON.parse(artifact('aarch64', 'amortize.json')) as Amortization;
  assert.deepEqual(
    data.points.map(({ rounds, python, isolate, exact }) => [
      rounds,
      python.runs.length,
      isolate.runs.length,
      exact,
    ]),
    [
      [1, 2, 2, true],
      [10, 2, 2, true],
    ],
  );
  assert.equal(data.runner, 'qemu-user');
  assert.ok(data.fit);
  // An emulated program launches more slowly than a native one.
  assert.ok(data.points.every(({ ratio }) => ratio > 1));
  assert.match(run.stdout, /^ +10 .* yes$/m);
  assert.match(artifact('aarch64', 'amortize.svg'), /^<\?xml.*\n<svg /);
  assert.match(artifact('aarch64', 'amortize.html'), /<svg .*Amortization on aarch64/s);
});

test('amortize: an output that differs from the reference is a failure that shows both', async () => {
  const workload = join(folder, 'where am i.py');
  writeFileSync(workload, 'import os, sys\nprint(os.environ["AMORT_M"], sys.prefix)\n');
  const run = await bench('amortize', 'aarch64', '--m', '7', '--rounds', '1', '--workload', workload);
  assert.equal(run.status, 7, run.stdout + run.stderr);
  assert.match(run.stdout, /^ +7 .* NO$/m);
  assert.match(run.stderr, /samples\/bench-differs/);
  assert.match(run.stderr, /M = 7: reference 7 \/opt\/isolate, status 0/);
  assert.match(run.stderr, /M = 7: isolate +7 \/opt\/bundles\/aarch64, status 0/);
  const { exact, points } = JSON.parse(artifact('aarch64', 'amortize.json')) as Amortization;
  assert.equal(exact, false);
  assert.match(points[0]?.difference?.isolate ?? '', /bundles/);
});

test('amortize --isolation: measures each way to keep scripts apart', async () => {
  const run = await bench('amortize', 'native', '--isolation', '--rounds', '1', '--scripts', '11');
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { many, rows } = JSON.parse(artifact('native', 'isolation.json')) as {
    readonly many: number;
    readonly rows: readonly Readonly<Record<string, unknown>>[];
  };
  assert.equal(many, 11);
  assert.deepEqual(
    rows.map((row) => row.isolation),
    ['process', 'interpreter, fresh', 'interpreter, reused', 'fork of a warm process'],
  );
  for (const row of rows) assert.ok((row.step as number) > 0, JSON.stringify(row));
  assert.match(run.stdout, /^fork of a warm process .*\d/m);
});

test('suite: measures each sample on each target, records skipped ones and the cost of emulation', async () => {
  mkdirSync(join(folder, 'suite'));
  const sample = (name: string, text: string): void => writeFileSync(join(folder, 'suite', name), text);
  sample('plain.py', 'print(sum(range(1000)))\n');
  sample('writes.py', "open('left behind', 'x').close()\nraise SystemExit(3)\n");
  sample(
    'starts.py',
    '# /// sample\n# title: starts a program\n# tier: any\n# requires: subprocess\n# ///\n',
  );
  writeFileSync(join(folder, 'timed.yaml'), runnerRecipe('aarch64', { samples: './suite' }));
  const run = await bench('suite', './timed.yaml', '--rounds', '2', '--warm-up', '0');
  assert.equal(run.status, 0, run.stderr);
  const data = JSON.parse(artifact('suite.json')) as SuiteTimes;
  const [plain, starts, writes] = data.samples.map(({ times }) => times.timed);
  assert.ok(plain && 'median' in plain && plain.runs.length === 2, JSON.stringify(data));
  assert.deepEqual(starts, { skipped: 'subprocess' });
  // It would fail if a run saw files of an earlier one; its status equals the reference's.
  assert.ok(writes && 'median' in writes, JSON.stringify(writes));
  assert.ok((data.recipes[0]?.emulation?.value ?? 0) > 1);
  assert.equal(data.recipes[0]?.emulation?.against, 'the reference');
  assert.match(run.stdout, /^starts +[\d.]+ +skipped$/m);
});

test('tax: measures one build with each way to start it against the reference', async () => {
  const run = await bench('tax', '--quick', '--cells', 'shared-debian', '--rounds', '1', '--warm-up', '0');
  assert.equal(run.status, 0, run.stderr);
  const data = JSON.parse(artifact('tax.json')) as OverheadReport;
  assert.match(run.stdout + run.stderr, /packaged\/cpython/, "the distribution's libpython");
  assert.deepEqual(
    data.cells.map(({ name, exact }) => [name, exact]),
    [
      ['shared-debian', true],
      ['shared-debian embed', true],
      ['shared-debian malloc', true],
      ['shared-debian mimalloc', true],
    ],
  );
  for (const { workloads } of data.cells) {
    for (const { python, isolate } of Object.values(workloads)) {
      assert.ok(python.median > 0 && isolate.median > 0, JSON.stringify(data.cells));
    }
  }
  assert.deepEqual([...new Set(data.factors.map(({ factor }) => factor))], ['entry', 'allocator']);
  assert.ok(data.noise.some(({ source }) => source === 'hash seed'));
  assert.match(run.stdout, /The measured configurations are inconclusive/);
  assert.ok(existsSync(join(folder, 'artifacts', 'tax.html')));
});

interface Rows {
  readonly rows: readonly {
    readonly what: string;
    readonly runs: readonly number[];
    readonly against?: { readonly runs: readonly number[]; readonly ratio: number };
  }[];
}

async function rowsOf(...args: string[]): Promise<Rows['rows']> {
  const run = await bench(...args, '--json');
  assert.equal(run.status, 0, run.stderr);
  const { rows } = JSON.parse(run.stdout) as Rows;
  for (const { what, runs, against } of rows) {
    assert.ok(runs.length > 0 && runs.every((ms) => ms > 0), what);
    assert.ok(against === undefined || (against.runs.every((ms) => ms > 0) && against.ratio > 0), what);
  }
  return rows;
}

test('warm: every command, and a run with nothing changed, against a Node that does nothing', async () => {
  mkdirSync(join(folder, 'warm'));
  writeFileSync(join(folder, 'warm', 'one.py'), 'print(1)\n');
  writeFileSync(join(folder, 'warm.yaml'), runnerRecipe('aarch64', { samples: './warm' }));
  const rows = await rowsOf('warm', './warm.yaml', '--rounds', '1');
  assert.deepEqual(
    rows.map(({ what }) => what.replace(/`run .*`/, 'a run')),
    [
      '`--version`',
      '`--help`',
      '`list`',
      '`completion bash`',
      'a run, nothing changed',
      'peak memory of the run',
    ],
  );
  for (const { against, runs } of rows.slice(0, -1)) {
    assert.equal(against?.runs.length, 1);
    assert.ok((runs[0] ?? 0) > 0 && (against?.ratio ?? 0) > 0);
  }
  assert.ok((rows.at(-1)?.runs[0] ?? 0) > 20_000, 'a Node takes more than that');
});

test('onefile: measures the start of one file against that of the unpacked bundle', async () => {
  const run = await bench('onefile', 'aarch64', '--rounds', '1', '--warm-up', '0', '--json');
  assert.equal(run.status, 0, run.stderr);
  const { recipes } = JSON.parse(run.stdout) as {
    readonly recipes: readonly {
      readonly recipe: string;
      readonly rows: readonly Readonly<Record<string, unknown>>[];
    }[];
  };
  assert.deepEqual(
    recipes.map(({ recipe }) => recipe),
    ['aarch64'],
  );
  const rows = recipes.flatMap((one) => one.rows);
  assert.deepEqual(
    rows.map((row) => row.script),
    ['start', 'imports'],
  );
  for (const { bundle, onefile, ratio } of rows as { bundle: number[]; onefile: number[]; ratio: number }[]) {
    assert.equal(bundle.length, 1);
    assert.ok((bundle[0] as number) > 0 && (onefile[0] as number) > 0);
    // One pair: its ratio is that of the medians.
    assert.equal(ratio, (onefile[0] as number) / (bundle[0] as number));
  }
});

test('cache: a second machine takes what the first has pushed, and starts nothing', {
  skip: whole || NO_REGISTRY,
}, async () => {
  const run = await bench('cache', PACKAGED_AARCH64, '--skip-cold', '--rounds', '1', '--json');
  assert.equal(run.status, 0, run.stderr);
  const { rows } = JSON.parse(run.stdout) as { readonly rows: readonly Row[] };
  const [taken, what, stages, pushed] = rows;
  assert.ok((taken?.ms ?? 0) > 0 && (pushed?.ms ?? 0) > 0);
  // Without the other side nothing is said of a ratio.
  assert.deepEqual([taken?.against, taken?.met], [undefined, undefined]);
  assert.match(what?.note ?? '', /^\d entries, \d+ results, [\d.]+ MB$/);
  assert.match(stages?.note ?? '', /\bbundle \d/);
  assert.match(pushed?.note ?? '', /^\d+ entries, [\d.]+ MB; 0 were there already$/);
});

test('python: measures loop and start of one program against the reference, in CPU time', async () => {
  const run = await bench('python', 'aarch64', '--rounds', '1', '--warm-up', '0', '--json');
  assert.equal(run.status, 0, run.stderr);
  const [{ measured }] = JSON.parse(run.stdout);
  assert.deepEqual(
    measured.map(({ probe }: { probe: string }) => probe),
    ['loop', 'start'],
  );
  for (const { isolate, ratio } of measured) assert.ok(isolate.median > 0 && ratio.value > 0);
});

test('pyperformance: measures what runs on both sides, and names what does not with the reason', async () => {
  const names = 'unpack_sequence,sympy,python_startup';
  const run = await bench('pyperformance', 'aarch64', '--benchmarks', names, '--rounds', '2');
  assert.equal(run.status, 0, run.stderr);
  const { benchmarks, left, mean } = JSON.parse(artifact('aarch64', 'pyperformance.json')) as Pyperformance;
  assert.deepEqual(
    benchmarks.map(({ name, python, isolate }) => [name, python.runs.length, isolate.runs.length]),
    [['unpack_sequence', 2, 2]],
  );
  // The one is emulated.
  assert.ok((mean?.value ?? 0) > 1, run.stdout);
  assert.deepEqual(left, [
    { name: 'sympy', by: 'python', reason: 'needs sympy' },
    {
      name: 'python_startup',
      by: 'python',
      reason: 'python_startup measures another process, not this one',
    },
  ]);
  assert.match(run.stdout, /^unpack_sequence +[\d.]+ +[\d.]+ +[\d.]+$/m);
  const unknown = await bench('pyperformance', 'aarch64', '--benchmarks', 'nbody,chaoss');
  assert.equal(unknown.status, 2, unknown.stderr);
  assert.match(unknown.stderr, /no benchmark "chaoss"[\s\S]*Did you mean chaos\?/);
});

test('provisioning: times a run with nothing changed, a sample added and a line changed', async () => {
  const rows = await rowsOf('provisioning', PACKAGED_AARCH64, '--skip-cold', '--rounds', '1');
  assert.deepEqual(
    rows.map(({ what }) => what.split(':')[0]),
    ['warm', 'check', 'launcher', 'one sample added', 'one line of the program changed'],
  );
});

test('provisioning: times a run on an empty store against the same work by hand', {
  skip: whole,
}, async () => {
  const [cold] = await rowsOf('provisioning', PACKAGED_AARCH64, '--rounds', '1');
  assert.match(cold?.what ?? '', /^cold/);
  assert.equal(cold?.against?.runs.length, 1);
});

test('wasm: times one module in each engine and natively', { skip: whole }, async () => {
  const run = await bench('wasm', '--rounds', '1', '--json');
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /wasmtime/);
});

test('engine: times the Docker engine against namespaces', {
  skip: whole || engineMissing('dockerd') || false,
}, async () => {
  const docker = await startEngine('dockerd');
  try {
    const rows = await rowsOf(
      'engine',
      'aarch64',
      '--rounds',
      '1',
      '--engine',
      `docker:unix://${docker.socket}`,
    );
    assert.equal(rows.length, 3);
  } finally {
    await docker.remove();
  }
});

test('invalid options are rejected before anything is built', async () => {
  const errorOf = async (...args: string[]): Promise<string> => {
    const run = await bench(...args);
    assert.equal(run.status, 2, run.stdout);
    return run.stderr;
  };
  assert.match(await errorOf('amortize', 'aarch64', '--m', '1,x'), /--m takes whole numbers/);
  assert.match(await errorOf('amortize', 'aarch64', '--clock', 'sun'), /wall or cpu/);
  assert.match(await errorOf('amortize', 'aarch64', '--workload', 'none.py'), /There is no workload/);
  assert.match(await errorOf('tax', '--cells', 'static-pgp'), /Did you mean static-pgo\?/);
  assert.match(await errorOf('wasm', '--rounds', 'x'), /--rounds takes a whole number from 1/);
  assert.match(await errorOf('suite', '--rounds', '0'), /--rounds takes a whole number from 1/);
});

test('edit: an edited line is compiled on both sides, and the stage is measured against both cargos', async () => {
  const cwd = join(folder, 'edited');
  put(cwd, {
    'Cargo.toml': '[package]\nname = "edited"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "edited"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() { println!("1"); }\n',
    'samples/one.py': 'print(1)\n',
    'provision.yaml':
      'schema: 1\nextends: x86_64\npython: {from: packages}\nrust: host\nsamples: {path: samples}\n',
  });
  const run = await provision(['bench', 'edit', 'provision.yaml', '--rounds', '2', '--json'], {
    ...{ cwd, store: SHARED_STORE, timeoutMs: 20 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { rows } = JSON.parse(run.stdout) as { readonly rows: readonly EditRow[] };
  assert.deepEqual(
    rows.map(({ what, against }) => `${what.replace(/^.*: /, '')} | ${against?.what ?? ''}`),
    [
      'build after an edit | cargo build on this machine',
      "build after an edit | the toolchain's cargo in it",
      'bundle after an edit | ',
      'the whole run, with bundle and one sample | ',
    ],
  );
  for (const { runs, against } of rows) {
    assert.equal(runs.length, 2);
    // The stage is never quicker than the cargo inside of it, nor the run than the stage.
    assert.ok(runs.every((ms) => ms > 0) && against?.runs.every((ms) => ms > 0) !== false);
  }
  const [stage, inside, bundle, whole] = rows as [EditRow, EditRow, EditRow, EditRow];
  assert.ok(inside.runs.every((ms, at) => ms >= (inside.against?.runs[at] ?? 0)));
  assert.ok(stage.runs.every((ms, at) => ms + (bundle.runs[at] ?? Number.NaN) < (whole.runs[at] ?? 0)));
});

interface EditRow {
  readonly what: string;
  readonly runs: readonly number[];
  readonly against?: { readonly what: string; readonly runs: readonly number[] };
}
