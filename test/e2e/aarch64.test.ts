// The pipeline with real packages, toolchain and emulator. The store is shared with the fault tests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type CliRun,
  PACKAGED_AARCH64,
  plainEnvironment,
  provision,
  REPOSITORY,
  SHARED_STORE,
  temporaryFolder,
} from '../support/cli.ts';
import { ownCopyOfRunner } from '../support/project.ts';

interface Report {
  readonly status: string;
  readonly stages: readonly { readonly name: string; readonly outcome: string; readonly start?: number }[];
  readonly samples: readonly { readonly name: string; readonly status: string; readonly reason?: string }[];
  readonly totals: {
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
    readonly cached: number;
  };
  readonly bundle?: { readonly file: string; readonly digest: string };
  readonly python?: { readonly version: string; readonly linkage: string };
}

const SAMPLES = (
  readdirSync(join(REPOSITORY, 'runner', 'samples'), { recursive: true, encoding: 'utf8' }) as string[]
).filter((name) => name.endsWith('.py') && !/(^|\/)[_.]/.test(name));

const FEW = ['--samples', join(REPOSITORY, 'runner', 'samples', 'any')];

let first: CliRun;
let folder = '';

function report(at = folder, recipe = 'aarch64'): Report {
  return JSON.parse(readFileSync(join(at, 'artifacts', recipe, 'report.json'), 'utf8')) as Report;
}

before(async (t) => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision e2e ü ');
  first = await provision(['aarch64'], { cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 });
  void t;
});

test('every sample equals the reference, with exit code 0 and a summary line', () => {
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { samples, totals, status } = report();
  assert.equal(status, 'passed');
  assert.ok(SAMPLES.length >= 15);
  assert.deepEqual(samples.map(({ name }) => `${name}.py`).sort(), [...SAMPLES].sort());
  assert.deepEqual(
    samples.filter((sample) => sample.status === 'failed'),
    [],
  );
  assert.equal(totals.passed + totals.skipped, SAMPLES.length);
  // Whether started programs are emulated is the machine's to say.
  for (const sample of samples)
    if (sample.status === 'skipped')
      assert.match(sample.reason ?? '', /lacks subprocess here: |is for Python >=3\.1[45],/, sample.name);
  assert.match(first.stdout.trimEnd().split('\n').at(-1) as string, /equal the reference/);
});

test('a run writes a report page with every sample and the time of each stage', async () => {
  const page = readFileSync(join(folder, 'artifacts', 'report.html'), 'utf8');
  assert.equal(page.match(/<tr class="(?:same|other)">/g)?.length, SAMPLES.length);
  for (const { name, start } of report().stages) {
    assert.ok(page.includes(`<th scope="row">${name}</th>`), name);
    assert.ok(start !== undefined, name);
  }
  const again = await provision(['report'], { cwd: folder });
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /^artifacts\/report\.html: 1 recipe, /);
});

test('output to a pipe is plain lines', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for escape sequences
  assert.doesNotMatch(first.stdout + first.stderr, /\u001b\[|\r/);
});

test('a second run takes everything from the store and starts no process of the toolchain', async () => {
  const again = await provision(['aarch64'], { cwd: folder, store: SHARED_STORE });
  assert.equal(again.status, 0, again.stderr);
  const { stages, totals, samples } = report();
  const here = samples.filter(({ reason }) => reason?.includes('here:'));
  // Where something is skipped for the machine the engine is asked again: another machine, or this one after a change, may do it.
  assert.equal(
    stages.find(({ name }) => name === 'engine') === undefined,
    here.length === 0,
    'an engine was looked for only if something was skipped for the machine',
  );
  assert.deepEqual(stages.filter(({ outcome }) => outcome !== 'hit' && outcome !== 'done').length, 0);
  for (const name of ['toolchain', 'sysroot', 'build', 'bundle', 'run']) {
    assert.equal(stages.find((stage) => stage.name === name)?.outcome, 'hit', name);
  }
  assert.equal(totals.cached, totals.passed);
});

test('a run with --offline and --frozen succeeds if everything is in the store', async () => {
  const run = await provision(['aarch64', '--offline', '--frozen'], { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stderr);
});

test('the bundle has an aarch64 program with its Python inside, which finds the standard library relative to itself', (t) => {
  const { bundle } = report();
  const archive = join(folder, 'artifacts', 'aarch64', 'isolate-aarch64-unknown-linux-gnu.tar.gz');
  assert.ok(existsSync(archive));
  assert.equal(bundle?.digest, `sha256:${createHash('sha256').update(readFileSync(archive)).digest('hex')}`);
  const place = temporaryFolder(t);
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', place]).status, 0);
  const root = join(place, 'isolate-aarch64-unknown-linux-gnu');
  const program = readFileSync(join(root, 'bin', 'isolate'));
  assert.equal(program.readUInt16LE(18), 183, 'EM_AARCH64');
  assert.ok(program.includes('$ORIGIN/../lib'));
  const libraries = readdirSync(join(root, 'lib'));
  assert.deepEqual(libraries, ['libgcc_s.so.1', 'python3.13'], "libc is the system's");
  assert.ok(existsSync(join(root, 'lib', 'python3.13', 'os.py')));
  assert.ok(existsSync(join(root, 'lib', 'python3.13', '__pycache__', 'os.cpython-313.pyc')));
  for (const path of [SHARED_STORE, REPOSITORY, folder])
    assert.ok(!program.includes(path), `a path of this machine: ${path}`);
});

test('a second build from the fetched files gives the same bytes', async (t) => {
  const place = temporaryFolder(t);
  const store = join(place, 'store');
  // Hard links: the trees are immutable, and builds and volumes are not linked.
  mkdirSync(store);
  for (const part of ['blobs', 'trees']) {
    assert.equal(spawnSync('cp', ['-al', join(SHARED_STORE, part), join(store, part)]).status, 0);
  }
  const run = await provision(['aarch64', ...FEW], { cwd: place, store });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(report(place).stages.find(({ name }) => name === 'build')?.outcome, 'done');
  assert.equal(report(place).bundle?.digest, report().bundle?.digest);
});

test('an ordinary user can run a recipe without root', {
  skip: process.getuid?.() === 0 ? false : 'is one already',
}, async (t) => {
  const place = temporaryFolder(t);
  const store = join(place, 'store');
  mkdirSync(store);
  // Of packages: the user's store has no CPython that was compiled.
  const root = temporaryFolder(t);
  const own = await provision([PACKAGED_AARCH64, ...FEW], { cwd: root, store: SHARED_STORE });
  assert.equal(own.status, 0, own.stderr);
  assert.equal(spawnSync('cp', ['-a', join(SHARED_STORE, 'blobs'), join(store, 'blobs')]).status, 0);
  assert.equal(spawnSync('chown', ['-R', '65534:65534', place]).status, 0);
  // An ordinary user may not be able to read the repository, so a copy of the tool is used.
  const tool = join(place, 'tool');
  mkdirSync(tool);
  for (const part of [
    'src',
    'recipes',
    'targets',
    'pythons',
    'sysroots',
    'systems',
    'libraries',
    'test/recipes',
    'docker',
    'package.json',
    'node_modules',
  ]) {
    cpSync(join(REPOSITORY, part), join(tool, part), { recursive: true });
  }
  cpSync(join(REPOSITORY, 'runner'), join(tool, 'runner'), {
    recursive: true,
    filter: (path) => !path.endsWith('/target'),
  });
  const node = join(place, 'node');
  cpSync(process.execPath, node);
  const run = spawnSync(
    'setpriv',
    [
      '--reuid',
      '65534',
      '--regid',
      '65534',
      '--clear-groups',
      node,
      join(tool, 'src', 'bin.ts'),
      join(tool, 'test', 'recipes', 'aarch64.yaml'),
      '--store',
      store,
      '--samples',
      join(tool, 'runner', 'samples', 'any'),
    ],
    { cwd: place, env: { ...plainEnvironment(), HOME: place }, encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.equal(report(place).bundle?.digest, report(root).bundle?.digest);
});

test('only an added sample runs', async (t) => {
  const { recipe, place, samples } = ownCopyOfRunner(t);
  const one = await provision([recipe], { cwd: place, store: SHARED_STORE });
  assert.equal(one.status, 0, one.stderr);
  // A different sample each time: the store caches the results of earlier runs of this test.
  writeFileSync(join(samples, 'added.py'), `print("added", 6 * 7, "${randomUUID()}")\n`);
  const two = await provision([recipe], { cwd: place, store: SHARED_STORE });
  assert.equal(two.status, 0, two.stderr);
  const { totals, samples: results, stages } = report(place, 'mine');
  assert.equal(totals.cached, totals.passed - 1);
  assert.equal(results.find(({ name }) => name === 'added')?.status, 'passed');
  assert.equal(stages.find(({ name }) => name === 'build')?.outcome, 'hit');
});

test('--samples takes files and folders; argv and stdin come from the header of a script', async (t) => {
  const place = temporaryFolder(t);
  mkdirSync(join(place, 'more'));
  writeFileSync(
    join(place, 'echo.py'),
    '# /// sample\n# title: Echo\n# argv: --x "two words"\n# stdin: |\n#   hello\n# ///\nimport sys\nprint(sys.argv[1:], sys.stdin.read())\nsys.exit(3)\n',
  );
  writeFileSync(join(place, 'more', 'plain.py'), 'print(sorted({"b", "a"}))\n');
  const run = await provision(['aarch64', '--samples', 'echo.py', '--samples', 'more'], {
    cwd: place,
    store: SHARED_STORE,
  });
  assert.equal(run.status, 0, run.stderr);
  const { samples } = report(place);
  assert.deepEqual(
    samples.map(({ name, status }) => [name, status]),
    [
      ['echo', 'passed'],
      ['plain', 'passed'],
    ],
  );
});

test('a differing sample gives exit code 7, a unified diff and both outputs', async (t) => {
  const place = temporaryFolder(t);
  writeFileSync(join(place, 'machine.py'), 'import platform\nprint("same")\nprint(platform.machine())\n');
  const run = await provision(['aarch64', '--samples', 'machine.py'], { cwd: place, store: SHARED_STORE });
  assert.equal(run.status, 7);
  assert.match(run.stderr, /samples\/differ/);
  assert.match(run.stderr, /-x86_64\n.*\+aarch64/);
  const artifacts = join(place, 'artifacts', 'aarch64');
  assert.match(readFileSync(join(artifacts, 'junit.xml'), 'utf8'), /<failure/);
  assert.equal(report(place).status, 'failed');
});

test('a time limit, an output limit and a crash of a sample are reported as such', async (t) => {
  const place = temporaryFolder(t);
  writeFileSync(
    join(place, 'loops.py'),
    '# /// sample\n# title: Loops\n# timeout: 2\n# ///\nprint("started", flush=True)\nwhile True: pass\n',
  );
  writeFileSync(join(place, 'floods.py'), 'while True: print("x" * 1000)\n');
  writeFileSync(join(place, 'crashes.py'), 'import faulthandler\nfaulthandler._sigsegv()\n');
  const run = await provision(['aarch64', '--samples', '.'], { cwd: place, store: SHARED_STORE });
  assert.equal(run.status, 7);
  const byName = new Map(
    report(place).samples.map((sample) => [sample.name, sample as { status: string; kind?: string }]),
  );
  assert.equal(byName.get('loops')?.status, 'failed');
  assert.match(String(byName.get('loops')?.kind), /time-limit|reference-failed/);
  assert.match(String(byName.get('floods')?.kind), /output-limit|reference-failed/);
  // The program ended by the same signal on both sides, so the results are equal.
  assert.equal(byName.get('crashes')?.status, 'passed', JSON.stringify(byName.get('crashes')));
});

test('plan and env print the stages and the environment of a run', async () => {
  const plan = await provision(['plan', 'aarch64', '--json']);
  assert.equal(plan.status, 0);
  const env = await provision(['env', 'aarch64', '--json'], { store: SHARED_STORE });
  assert.equal(env.status, 0, env.stderr);
  const { variables, files } = JSON.parse(env.stdout) as {
    variables: Record<string, string>;
    files: Record<string, string>;
  };
  assert.equal(variables.PYO3_CROSS_LIB_DIR, '/sysroot/usr/lib/python3.13');
  assert.equal(variables.PYO3_CROSS_PYTHON_VERSION, '3.13');
  assert.equal(variables.CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER, 'clang-19');
  assert.match(String(variables.SOURCE_DATE_EPOCH), /^\d+$/);
  assert.match(files[variables.PYO3_CONFIG_FILE as string] as string, /^lib_name=python3\.13$/m);
  const shell = await provision(['env', 'aarch64', '--shell'], { store: SHARED_STORE });
  const evaluated = spawnSync(
    'sh',
    ['-c', `${shell.stdout}\nprintf %s "$CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS"`],
    { encoding: 'utf8' },
  );
  assert.equal(evaluated.stdout, variables.CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS);
});

test('shell runs a command in the toolchain with the build environment', async (t) => {
  const place = temporaryFolder(t);
  const run = await provision(
    [
      'shell',
      'aarch64',
      '--store',
      SHARED_STORE,
      '--',
      'sh',
      '-c',
      'echo $PYO3_CROSS_PYTHON_VERSION; cargo --version; exit 5',
    ],
    { cwd: place },
  );
  assert.equal(run.status, 5, run.stderr);
  assert.match(run.stdout, /^3\.13$/m);
  assert.match(run.stdout, /^cargo 1\./m);
});

test('clean --all empties a store', async (t) => {
  const place = temporaryFolder(t);
  const store = join(place, 'store');
  mkdirSync(store);
  assert.equal(spawnSync('cp', ['-al', join(SHARED_STORE, 'builds'), join(store, 'builds')]).status, 0);
  const run = await provision(['clean', '--all', '--json'], { cwd: place, store });
  assert.equal(run.status, 0, run.stderr);
  assert.deepEqual(readdirSync(join(store, 'builds')), []);
  rmSync(store, { recursive: true });
});
