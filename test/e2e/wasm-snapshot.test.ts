// A module with a snapshot of an initialised interpreter: a script cannot distinguish it from a fresh start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CliRun, provision, REPOSITORY, SHARED_STORE } from '../support/cli.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

interface Report {
  readonly samples: readonly { readonly name: string; readonly status: string; readonly reason?: string }[];
  readonly stages: readonly { readonly name: string; readonly outcome: string }[];
  readonly totals: Readonly<Record<'passed' | 'failed', number>>;
  readonly bundle: { readonly file: string };
}

const SNAPSHOT = 'wasm32-wasip1-snapshot';
const PLAIN = 'wasm32-wasip1';
/** The values of the recipes. */
const STACK = 8 * 1024 * 1024;
const AT = '/opt/isolate';
const SAMPLE = join(REPOSITORY, 'runner', 'samples', 'any', 'duck_typing.py');

const folder = mkdtempSync(join(tmpdir(), 'provision-snapshot-'));
const bundles = new Map<string, string>();
let suite: CliRun;

before(async () => {
  suite = await run(SNAPSHOT);
  assert.equal((await run(PLAIN, '--samples', SAMPLE)).status, 0);
  for (const recipe of [SNAPSHOT, PLAIN]) {
    const archive = report(recipe).bundle.file.split('/').at(-1) as string;
    const home = join(folder, `unpacked-${recipe}`);
    mkdirSync(home);
    assert.equal(
      spawnSync('tar', ['-xzf', join(folder, 'artifacts', recipe, archive), '-C', home]).status,
      0,
    );
    bundles.set(recipe, join(home, readdirSync(home)[0] as string));
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

function run(recipe: string, ...args: string[]): Promise<CliRun> {
  return provision([recipe, ...args], { cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 });
}

function report(recipe: string): Report {
  return JSON.parse(readFileSync(join(folder, 'artifacts', recipe, 'report.json'), 'utf8')) as Report;
}

test('every sample equals the reference with a snapshot', () => {
  assert.equal(suite.status, 0, suite.stdout + suite.stderr);
  const { totals, samples, stages } = report(SNAPSHOT);
  assert.equal(totals.failed, 0);
  assert.ok(totals.passed > 50, `${totals.passed} passed`);
  for (const { name, status, reason } of samples) {
    if (status !== 'passed') assert.match(reason ?? '', /lacks \w+|is for Python >=3\.1[45],/, name);
  }
  assert.ok(stages.some(({ name }) => name === 'snapshot'));
});

test('with a fixed hash seed a resumed script behaves like one in a fresh start', () => {
  const file = script(`import gc, json, os, sys
print(json.dumps([sys.argv, sys.orig_argv, sys.path, dict(os.environ), os.getcwd(), sys.executable, __file__]))
print(sys.flags, sys.warnoptions, sys._xoptions, sorted(sys.modules), sys.stdin.encoding, sys.stdout.line_buffering)
print(hash('abc'), hash(b'abc'), hash(('a', 1.5)), list({'a', 'b', 'c', 'd', 'e'}), os.environ['NAME'], os.getenv('HOME'))
print(gc.isenabled(), gc.get_threshold(), os.stat(0).st_mode == os.fstat(0).st_mode, sys.stdin.read())
`);
  for (const seed of ['0', '1', '20240229', '4294967295']) {
    const options = { env: { NAME: 'välue', PYTHONHASHSEED: seed, LANG: 'C.UTF-8' }, stdin: 'given\n' };
    const [plain, snapshot] = both([file, 'one', 'two words', ''], options);
    assert.equal(plain.status, 0, plain.stderr);
    assert.deepEqual(snapshot, plain, `seed ${seed}`);
  }
});

test('without a fixed seed hashes, set order and random numbers differ between starts', () => {
  const file = script(`import os, random, secrets, sys, uuid
print(hash('provision'), [hash(str(i)) % 1000 for i in range(5)], [hash(bytes([i])) % 1000 for i in range(5)])
print(list({str(i) for i in range(40)}))
print(random.random(), secrets.token_hex(8), uuid.uuid4(), os.urandom(8))
print(sys.flags.hash_randomization, os.environ.get('PYTHONHASHSEED'))
`);
  const runs = Array.from({ length: 3 }, () =>
    start(SNAPSHOT, [file], { env: { LANG: 'C.UTF-8' } }).stdout.split('\n'),
  );
  for (const line of [0, 1, 2])
    assert.equal(new Set(runs.map((lines) => lines[line])).size, 3, `line ${line}`);
  for (const lines of runs) assert.equal(lines[3], '1 None');
});

test('under a random seed every dictionary and set still finds its entries', () => {
  const file = script(`import builtins, collections, decimal, encodings, gc, json, re, sys
seen = []
for thing in gc.get_objects():
    if isinstance(thing, dict):
        seen.append(all(key in thing and thing[key] is value for key, value in list(thing.items())))
    elif isinstance(thing, (set, frozenset)):
        seen.append(all(element in thing for element in list(thing)))
print(len(seen) > 500, all(seen))
for module in list(sys.modules.values()):
    for name in dir(module):
        getattr(module, name, None), sys.intern(name) in vars(module)
    for name in ''.join(chr(ord(letter)) for letter in 'path'), 'na' + 'me', 'en' + 'viron':
        hasattr(module, sys.intern(name))
print({''.join(['i', 't']): 1}['it'], getattr(sys, ''.join(['ar', 'gv'])) is sys.argv, 'o' + 's' in sys.stdlib_module_names)
print(type('C', (), {'__slots__': ('a', 'b')}), isinstance([], collections.abc.Sequence), 'utf_8' in encodings._cache or True)
`);
  for (let i = 0; i < 3; i++) {
    const { status, stdout, stderr } = start(SNAPSHOT, [file], { env: { LANG: 'C.UTF-8' } });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, `True True\n1 True True\n<class '__main__.C'> True True\n`);
  }
});

test('options and variables that need another interpreter state start without the snapshot', () => {
  const shows =
    'import sys, os; print(sys.flags, sys.path, sys.argv, __debug__, os.environ, sys.stdin.encoding)';
  const file = script(`${shows}\n`);
  const cases: readonly (readonly [readonly string[], Readonly<Record<string, string>>])[] = [
    [['-I', '-c', shows], { LANG: 'C.UTF-8', PYTHONHASHSEED: '3' }],
    [['-OO', file, 'x'], { LANG: 'C.UTF-8' }],
    [['-X', 'utf8', '-W', 'error', file], {}],
    [[file], { PYTHONOPTIMIZE: '1', PYTHONPATH: '/nowhere', LANG: 'C.UTF-8' }],
    [[file], { LANG: 'C' }],
    [['--embed', file], { LANG: 'C.UTF-8' }],
    [[file], { LANG: 'C.UTF-8', PYTHONHASHSEED: 'no number' }],
    [['-c', 'print(hash("a"), list({"a", "b", "c"}))'], { PYTHONHASHSEED: '7' }],
    [[join(folder, 'not-there.py')], { LANG: 'C.UTF-8' }],
    [['--version'], {}],
  ];
  for (const [args, env] of cases) {
    const [plain, snapshot] = both(args, { env });
    assert.deepEqual(snapshot, plain, args.join(' '));
  }
});

test('without its standard library the failure is that of an ordinary start', () => {
  const [plain, snapshot] = both([script('print(1)\n')], { env: { LANG: 'C.UTF-8' }, library: false });
  assert.equal(plain.status, 1);
  assert.match(plain.stderr, /the Python standard library is missing/);
  assert.deepEqual(snapshot, plain);
});

test('a program that cannot resume from a snapshot is rejected', async () => {
  const recipe = join(folder, 'featureless.yaml');
  writeFileSync(recipe, runnerRecipe('wasm32-wasip1', { more: 'wasm:\n  snapshot: true\n' }));
  const ran = await run(recipe, '--samples', SAMPLE);
  assert.equal(ran.status, 6, ran.stdout + ran.stderr);
  assert.match(ran.stdout + ran.stderr, /build\/no-snapshot[\s\S]*does not\s+export `wizer\.initialize`/);
});

interface Start {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly library?: boolean;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function both(args: readonly string[], options: Start): readonly [Ended, Ended] {
  return [start(PLAIN, args, options), start(SNAPSHOT, args, options)];
}

/** The module of a recipe's bundle, compiled in advance, in the locked wasmtime. */
function start(recipe: string, args: readonly string[], { env, stdin, library }: Start): Ended {
  const bundle = bundles.get(recipe) as string;
  const words = [
    ...['run', '--allow-precompiled', '-W', `max-wasm-stack=${STACK}`],
    ...(library === false ? [] : ['--dir', `${bundle}::${AT}`]),
    ...['--dir', folder, '--argv0', `${AT}/bin/isolate.wasm`, '--env', `ISOLATE_CWD=${folder}`],
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...[compiled(join(bundle, 'bin', 'isolate.wasm')), ...args],
  ];
  const { status, stdout, stderr } = spawnSync(made('wasm launcher', 'wasmtime'), words, {
    encoding: 'utf8',
    input: stdin ?? '',
    env: {},
  });
  return { status, stdout, stderr };
}

function script(text: string): string {
  const file = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 8)}.py`);
  writeFileSync(file, text);
  return file;
}

function compiled(module: string): string {
  const digest = `sha256:${createHash('sha256').update(readFileSync(module)).digest('hex')}`;
  return made('precompiled module', 'isolate.cwasm', (inputs) => inputs.module === digest);
}

/** A file of the newest store entry of a kind. */
function made(
  what: string,
  file: string,
  fits: (inputs: Readonly<Record<string, unknown>>) => boolean = () => true,
): string {
  const builds = join(SHARED_STORE, 'builds');
  const entries = readdirSync(builds).flatMap((name) => {
    const entry = JSON.parse(readFileSync(join(builds, name, 'entry.json'), 'utf8')) as {
      readonly made: string;
      readonly inputs?: Readonly<Record<string, unknown>>;
    };
    return entry.inputs?.what === what && fits(entry.inputs) ? [{ name, made: entry.made }] : [];
  });
  const [newest] = entries.sort((a, b) => (a.made < b.made ? 1 : -1));
  assert.ok(newest, `no ${what} in the store`);
  return join(builds, newest.name, 'root', file);
}
