// Scripts on RustPython. A Rust that is too old is always tried; the rest compiles RustPython, which takes long: PROVISION_TEST_ALL=1, with a
// Rust of one's own of 1.95 or newer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import type { Conformance } from '../../src/domain/conformance.ts';
import type { Report } from '../../src/domain/report.ts';
import { allResults } from '../../src/domain/report.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const RUNNER = join(REPOSITORY, 'runner-rustpython');
const all =
  env.PROVISION_TEST_ALL === '1' && process.arch === 'x64'
    ? false
    : 'PROVISION_TEST_ALL=1 compiles RustPython';

/** Only on RustPython do they what they are named after. */
const ON_RUSTPYTHON = 'import sys\nother = sys.implementation.name == "rustpython"\n';
const SCRIPTS = {
  'equal.py': 'print(sum(range(10)))\n',
  'exception.py': `${ON_RUSTPYTHON}if other: raise RuntimeError("thread 'main' panicked at nowhere")\nprint(1)\n`,
  'hang.py': `# /// sample\n# title: It never ends\n# timeout: 3\n# ///\n${ON_RUSTPYTHON}while other: pass\nprint(1)\n`,
  'module.py': `${ON_RUSTPYTHON}if other: import nowhere\nprint(1)\n`,
  'panic.py': `${ON_RUSTPYTHON}def one(): return 12345\nif other: one.__code__ = one.__code__.replace(co_consts=())\nprint(one())\n`,
  'crash.py': 'try: eval("+".join(["1"] * 200_000))\nexcept RecursionError: print(1)\n',
  'text.py': 'print(object())\n',
};

function reportIn(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
}

test('a Rust that is too old for it is refused before anything is fetched, with both ways out', async (t) => {
  const cwd = temporaryFolder(t, 'provision rustpython ü ');
  put(cwd, {
    'old.yaml': `schema: 1\ndescription: The image's Rust.\ntarget: x86_64\nrust: stable\npython: {implementation: RustPython}
project: {path: ${JSON.stringify(RUNNER)}, bin: isolate-rustpython}\nsamples: {path: a.py}\n`,
    'a.py': 'print(1)\n',
  });
  const store = join(cwd, 'störe of its own');
  const run = await provision(['run', './old.yaml', '--offline'], { cwd, store });
  assert.equal(run.status, 6, run.stdout + run.stderr);
  assert.match(run.stderr, /^error\[build\/rust-too-old\]/m);
  assert.match(run.stderr.replaceAll(/\s+/g, ' '), /fix: .*`rust: host`.* fix: .*`provision x86_64`/);
  const made = existsSync(store) ? readdirSync(store, { recursive: true, withFileTypes: true }) : [];
  const fetched = made.filter(
    (one) => one.isFile() && /\/(?:blobs|partial|trees)(?:\/|$)/.test(one.parentPath),
  );
  assert.deepEqual(
    fetched.map(({ name }) => name),
    [],
  );
});

/** A program that is RustPython to the recipe, and quickly compiled: it panics and hangs for real, by the name of the script. */
const SMALL = {
  'Cargo.toml':
    '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n[profile.release]\nstrip = true\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "small"\nversion = "0.1.0"\n',
  'src/main.rs': `fn main() {
    let script = std::env::args().nth(1).expect("a script");
    let none: Vec<usize> = Vec::new();
    while script.ends_with("hang.py") {}
    if script.ends_with("panic.py") { println!("{}", none[script.len()]); }
    println!("1");
}
`,
  'scripts/equal.py': 'print(1)\n',
  'scripts/differs.py': 'print(2)\n',
  'scripts/panic.py': 'print(1)\n',
  'scripts/hang.py': '# /// sample\n# title: It never ends\n# timeout: 1\n# ///\nprint(1)\n',
};

test('a program with the interpreter inside is bundled without any Python; a panic and a hang are told apart', {
  skip: process.arch === 'x64' ? false : 'the program is for x86-64',
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision rustpython ü ');
  put(cwd, {
    ...SMALL,
    'small.yaml': `schema: 1\ndescription: It panics.\ntarget: x86_64\npython: {implementation: RustPython}\nproject: {path: ., bin: small}
samples: {path: scripts}\ncompare: measure\nsystems: []\n`,
  });
  const run = await provision(['run', './small.yaml', '--no-host', '--frozen'], {
    ...{ cwd, store: SHARED_STORE, timeoutMs: 10 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const artifacts = join(cwd, 'artifacts', 'small');
  const { status, samples, python, totals } = reportIn(artifacts);
  assert.deepEqual([status, totals.passed, totals.failed], ['measured', 1, 3]);
  assert.equal(python?.version, 'RustPython 0.6');
  const kinds = samples.map(({ name, divergence }) => [name, divergence?.kind, divergence?.causes[0]?.id]);
  assert.deepEqual(Object.fromEntries(kinds.map(([name, ...rest]) => [name, rest])), {
    differs: ['differs', undefined],
    equal: [undefined, undefined],
    hang: ['hangs', 'time-limit'],
    panic: ['crashes', 'panic'],
  });
  assert.match(run.stdout, /^Measured 4 samples on .*: 1 equal, 1 differs, 1 hangs, 1 crashes\. By cause: /m);
  const listed = readFileSync(join(artifacts, 'differences.md'), 'utf8');
  assert.match(
    listed,
    /### crashes: The interpreter panics \(1\)[\s\S]*`panic`: `src\/main\.rs:5:58: index out of bounds/,
  );
  const page = readFileSync(join(cwd, 'artifacts', 'report.html'), 'utf8');
  assert.match(page, /Differences, by cause/);
  const bundle = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
  const files = spawnSync('tar', ['tzf', join(artifacts, bundle)], { encoding: 'utf8' }).stdout;
  assert.match(files, /bin\/small$/m);
  assert.doesNotMatch(files, /libpython|\/lib\/python3|\.py$/m);
  const inspected = await provision(['inspect', join(artifacts, bundle)]);
  assert.match(inspected.stdout, /^Python +RustPython 0\.6, static$/m);
});

test('each way in which a script can differ is told apart, and the run ends with 0 and is no pass', {
  skip: all,
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision rustpython ü ');
  put(cwd, Object.fromEntries(Object.entries(SCRIPTS).map(([name, text]) => [`scripts/${name}`, text])));
  const args = ['rustpython', '--samples', 'scripts', '--artifacts', 'out', '--no-host'];
  const run = await provision(args, { cwd, store: SHARED_STORE, timeoutMs: 120 * 60_000 });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const report = reportIn(join(cwd, 'out'));
  assert.equal(report.status, 'measured');
  const found = Object.fromEntries(
    report.samples.map(({ name, status, divergence }) => [
      name,
      [status, divergence?.kind, divergence?.causes[0]?.id].filter((one) => one !== undefined).join(' '),
    ]),
  );
  assert.deepEqual(found, {
    equal: 'passed',
    exception: 'failed differs',
    hang: 'failed hangs time-limit',
    module: 'failed lacks-module module',
    panic: 'failed crashes panic',
    crash: 'failed crashes signal',
    text: 'failed text addresses',
  });
  assert.match(run.stdout, /1 equal, 1 equal but for text, 1 differs, 1 lacks a module, 1 hangs, 2 crashes/);
  const listed = readFileSync(join(cwd, 'out', 'differences.md'), 'utf8');
  for (const name of ['crash', 'exception', 'hang', 'module', 'panic', 'text'])
    assert.ok(listed.includes(`- \`${name}\``), name);
  const bundle = readdirSync(join(cwd, 'out')).find((name) => name.endsWith('.tar.gz')) as string;
  const files = spawnSync('tar', ['tzf', join(cwd, 'out', bundle)], { encoding: 'utf8' }).stdout;
  assert.match(files, /bin\/isolate-rustpython/);
  assert.doesNotMatch(files, /libpython|\/lib\/python3|\.py$/m);
});

test('the suite: what is equal is passed, and all else is listed by its cause', { skip: all }, async (t) => {
  const cwd = temporaryFolder(t, 'provision rustpython ü ');
  const run = await provision(['rustpython', '--no-host'], {
    ...{ cwd, store: SHARED_STORE, timeoutMs: 120 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const report = reportIn(join(cwd, 'artifacts', 'rustpython'));
  for (const { name, status, divergence } of allResults(report))
    assert.equal(divergence !== undefined, status === 'failed', name);
  assert.ok(report.totals.passed > 30, String(report.totals.passed));
  const listed = readFileSync(join(cwd, 'artifacts', 'rustpython', 'differences.md'), 'utf8');
  for (const { name, status } of report.samples)
    assert.equal(listed.includes(`- \`${name}\``), status === 'failed', name);
});

test('with `compare: equal` the same differences are a failure', { skip: all }, async (t) => {
  const cwd = temporaryFolder(t, 'provision rustpython ü ');
  put(cwd, {
    'strict.yaml': `schema: 1\nextends: rustpython\ncompare: equal\nproject: {path: ${JSON.stringify(RUNNER)}, ignore-rust-version: true}\n`,
    'text.py': SCRIPTS['text.py'],
  });
  const run = await provision(['run', './strict.yaml', '--samples', 'text.py', '--no-host'], {
    ...{ cwd, store: SHARED_STORE, timeoutMs: 120 * 60_000 },
  });
  assert.equal(run.status, 7, run.stdout + run.stderr);
  const report = reportIn(join(cwd, 'artifacts', 'strict'));
  assert.equal(report.status, 'failed');
  assert.equal(report.samples[0]?.divergence, undefined);
});

test("CPython's own tests are measured, too", { skip: all }, async (t) => {
  const cwd = temporaryFolder(t, 'provision rustpython ü ');
  const run = await provision(['conformance', 'rustpython', '--tests', 'test_bool,test_grammar'], {
    ...{ cwd, store: SHARED_STORE, timeoutMs: 120 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const folder = join(cwd, 'artifacts', 'rustpython');
  const { modules } = JSON.parse(readFileSync(join(folder, 'conformance.json'), 'utf8')) as Conformance;
  for (const { name, conforms, divergence } of modules)
    assert.equal(divergence === undefined, conforms, name);
  assert.match(readFileSync(join(folder, 'differences.md'), 'utf8'), /^## CPython's own tests/m);
});
