// CPython on WASI, from source to samples, in two engines; then its failures.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type CliRun,
  copyOfTool,
  plainEnvironment,
  provision,
  REPOSITORY,
  SHARED_STORE,
} from '../support/cli.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';
import { assertDeclared, surfaceDifferences, surfaces } from '../support/surface.ts';

interface Result {
  readonly name: string;
  readonly status: string;
  readonly reason?: string;
  readonly kind?: string;
  readonly target?: {
    readonly stdout: string;
    readonly stderr: string;
    readonly emulator?: readonly string[];
  };
}

interface Report {
  readonly status: string;
  readonly samples: readonly Result[];
  readonly stages: readonly { readonly name: string; readonly outcome: string; readonly detail?: string }[];
  readonly totals: Readonly<Record<'samples' | 'passed' | 'failed' | 'skipped' | 'cached', number>>;
  readonly bundle: { readonly file: string };
}

const ANY = join(REPOSITORY, 'runner', 'samples', 'any');
const folder = mkdtempSync(join(tmpdir(), 'provision e2e ü '));
let first: CliRun;

function report(recipe = 'wasm32-wasip1'): Report {
  return JSON.parse(readFileSync(join(folder, 'artifacts', recipe, 'report.json'), 'utf8')) as Report;
}

function run(recipe: string, ...args: string[]): Promise<CliRun> {
  return provision([recipe, ...args], { cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 });
}

/** A recipe with other settings of the engine only, so that nothing is built. */
function recipeWith(name: string, wasm: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, runnerRecipe('wasm32-wasip1', { more: `wasm:\n${wasm}` }));
  return file;
}

function script(name: string, text: string): string {
  mkdirSync(join(folder, 'scripts', name), { recursive: true });
  const file = join(folder, 'scripts', name, `${name}.py`);
  writeFileSync(file, text);
  return file;
}

before(async () => {
  first = await run('wasm32-wasip1');
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('its bill of materials is in the module', async () => {
  const artifacts = join(folder, 'artifacts', 'wasm32-wasip1');
  const document = readFileSync(join(artifacts, 'sbom.cdx.json'), 'utf8');
  const bundle = resolve(folder, report().bundle.file);
  assert.equal((await provision(['sbom', bundle], { store: SHARED_STORE })).stdout, document);
  const names = JSON.parse(document).components.map((one: { name: string }) => one.name);
  for (const wanted of ['python3.13', 'zlib', 'expat', 'pyo3']) assert.ok(names.includes(wanted), wanted);
});

test('every sample equals the reference or is skipped for a facility that WASI lacks', () => {
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { samples, totals, stages } = report();
  assert.equal(totals.failed, 0);
  assert.ok(totals.passed > 50, `${totals.passed} passed`);
  for (const sample of samples) {
    if (sample.status !== 'passed')
      assert.match(sample.reason ?? '', /^wasm32-wasip1 lacks \w+|is for Python >=3\.1[45],/, sample.name);
  }
  assert.ok(totals.skipped > 0);
  assert.match(
    stages.find(({ name }) => name === 'runtime')?.detail ?? '',
    /^wasmtime \d+\.\d+\.\d+, the locked one$/,
  );
});

test('what it offers is what the packaged interpreter offers, but for what is declared with a reason', async () => {
  const artifacts = join(folder, 'surface artifacts');
  mkdirSync(join(folder, 'surface'));
  const { reference, target } = await surfaces(join(folder, 'surface'), artifacts, (...args) =>
    run('wasm32-wasip1', '--artifacts', artifacts, ...args),
  );
  assertDeclared(surfaceDifferences(reference, target), 'cpython-3.13', ['wasi', 'wasm32-wasip1']);
});

test('a second run starts no program', async () => {
  const again = await run('wasm32-wasip1');
  assert.equal(again.status, 0, again.stdout + again.stderr);
  const { totals, stages } = report();
  assert.equal(totals.cached, totals.passed);
  assert.ok(!stages.some(({ name }) => name === 'engine'));
});

test("the bundle gives equal results in a second engine, Node's WASI", async () => {
  const other = await run('wasm32-wasip1-node', '--samples', ANY);
  assert.equal(other.status, 0, other.stdout + other.stderr);
  const { totals, stages } = report('wasm32-wasip1-node');
  assert.ok(totals.passed >= 5);
  assert.equal(stages.find(({ name }) => name === 'bundle')?.outcome, 'hit');
});

test("the bundle's run script runs a file of any folder in the machine's wasmtime", () => {
  const archive = join(
    folder,
    'artifacts',
    'wasm32-wasip1',
    report().bundle.file.split('/').at(-1) as string,
  );
  const home = join(folder, 'un packed');
  mkdirSync(home);
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', home]).status, 0);
  const [top] = readdirSync(home) as [string];
  const file = script(
    'greets',
    'import sys, json, os\nprint(json.dumps(sys.argv[1:]), os.getcwd())\nsys.exit(3)\n',
  );
  const ran = spawnSync(join(home, top, 'run'), [file, 'a b', "it's"], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...plainEnvironment(), WASMTIME: lockedWasmtime() },
  });
  assert.equal(ran.status, 3, ran.stderr);
  assert.equal(ran.stdout, `["a b", "it's"] ${folder}\n`);
});

test('a script cannot write outside of its folders', async () => {
  const file = script(
    'writes',
    `for path in ['/opt/isolate/lib/x', '/etc/x', '/job/samples/x']:
    try:
        open(path, 'w')
        print('written', path)
    except OSError:
        print('denied', path)
open('inside', 'w').write('yes')
print(open('inside').read())
`,
  );
  const ran = await run('wasm32-wasip1', '--samples', file);
  const [sample] = report().samples;
  assert.equal(sample?.target?.stdout.match(/^denied/gm)?.length, 3, sample?.target?.stdout);
  assert.match(sample?.target?.stdout ?? '', /yes\n$/);
  assert.equal(ran.status, 0, ran.stdout);
});

test('a trap is distinguished from a Python exception', async () => {
  const file = script('spins', 'n = 0\nfor i in range(10_000_000):\n    n += i\nprint(n)\n');
  const recipe = recipeWith('fuelled', '  fuel: 300000000\n');
  const ran = await run(recipe, '--samples', file);
  assert.equal(ran.status, 7, ran.stdout + ran.stderr);
  const [sample] = report('fuelled').samples;
  assert.match(sample?.reason ?? '', /wasm trap: all fuel consumed/);
  const raises = script('raises', 'raise RuntimeError("own")\n');
  const fine = await run(recipe, '--samples', raises);
  assert.equal(fine.status, 0, fine.stdout);
});

test('a module that exceeds its memory limit is reported as such, not as a failed program', async () => {
  const ran = await run(
    recipeWith('tiny', '  max-memory-mib: 12\n'),
    '--samples',
    join(ANY, 'duck_typing.py'),
  );
  assert.equal(ran.status, 6, ran.stdout + ran.stderr);
  assert.match(ran.stdout + ran.stderr, /wasm-memory-limit/);
  const [sample] = report('tiny').samples;
  assert.equal(sample?.kind, 'emulator-crash');
  assert.match(
    sample?.reason ?? '',
    /wasmtime did not start the program: failed to instantiate .*memory minimum size/,
  );
});

test('a missing folder given with --dir is a failure that names it', () => {
  const module = join(folder, 'nothing.wat');
  writeFileSync(module, '(module (memory (export "memory") 1) (func (export "_start")))');
  const seen = spawnSync(lockedWasmtime(), ['run', '--dir', folder, module], { encoding: 'utf8' });
  assert.equal(seen.status, 0, seen.stderr);
  const ran = spawnSync(lockedWasmtime(), ['run', '--dir', '/not/there', module], { encoding: 'utf8' });
  assert.equal(ran.status, 1);
  assert.match(ran.stderr, /^Error: failed to open directory `\/not\/there`\n/);
});

test("a recipe that uses the machine's wasmtime fails if there is none, and runs with it if there is", async () => {
  const recipe = recipeWith('own', '  wasmtime: path\n');
  const sample = ['--samples', join(ANY, 'duck_typing.py')];
  const options = { cwd: folder, store: SHARED_STORE };
  const path = '/usr/sbin:/usr/bin:/sbin:/bin';
  const without = await provision([recipe, ...sample], { ...options, env: { PATH: path } });
  assert.equal(without.status, 5, without.stdout + without.stderr);
  assert.match(without.stderr + without.stdout, /engine\/wasmtime-missing/);
  const bin = lockedWasmtime().replace(/\/wasmtime$/, '');
  const found = await provision([recipe, ...sample], { ...options, env: { PATH: `${bin}:${path}` } });
  assert.equal(found.status, 0, found.stdout + found.stderr);
  assert.match(found.stdout, /wasmtime \d+\.\d+\.\d+, .* of this machine/);
});

test('a wasmtime wheel with another digest, missing from the index, or not to be fetched is rejected', async () => {
  const home = copyOfTool(folder);
  const file = join(home, 'runtimes', 'wasmtime', 'runtime.yaml');
  const locked = readFileSync(file, 'utf8');
  const sample = ['--samples', join(ANY, 'duck_typing.py')];
  const attempt = (change: readonly [RegExp, string], ...args: string[]): Promise<CliRun> => {
    assert.match(locked, change[0]);
    writeFileSync(file, locked.replace(...change));
    return provision(['wasm32-wasip1', ...sample, ...args], { cwd: folder, store: SHARED_STORE, home });
  };
  const digest = await attempt([/sha256: [0-9a-f]{8}/, 'sha256: 00000000']);
  assert.equal(digest.status, 4, digest.stdout + digest.stderr);
  assert.match(digest.stdout + digest.stderr, /fetch\/wheel-digest[\s\S]*not the\s+locked one/);
  const version = [/^version: .*$/m, 'version: 50.0.99999'] as const;
  const absent = await attempt(version);
  assert.equal(absent.status, 4, absent.stdout + absent.stderr);
  assert.match(absent.stdout + absent.stderr, /fetch\/wheel-not-found[\s\S]*50\.0\.99999/);
  const offline = await attempt(version, '--offline');
  assert.equal(offline.status, 4, offline.stdout + offline.stderr);
  assert.match(offline.stdout + offline.stderr, /fetch\/wheel-offline/);
});

/** The newest launcher in the store; it takes the options of the `wasmtime` program. */
function lockedWasmtime(): string {
  const builds = join(SHARED_STORE, 'builds');
  const launchers = readdirSync(builds).flatMap((entry) => {
    const meta = JSON.parse(readFileSync(join(builds, entry, 'entry.json'), 'utf8')) as {
      readonly made: string;
      readonly inputs?: { readonly what?: string };
    };
    return meta.inputs?.what === 'wasm launcher' ? [{ entry, made: meta.made }] : [];
  });
  const [newest] = launchers.sort((a, b) => (a.made < b.made ? 1 : -1));
  if (newest === undefined) throw new Error('no launcher was built');
  return join(builds, newest.entry, 'root', 'wasmtime');
}
