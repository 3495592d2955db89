// Every command in environments that no one tests in: each ends with its own exit code and a message, never with a
// stack trace or the code of a bug. The gate runs representative cells; PROVISION_TEST_ALL=1 the whole matrix.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PACKAGED_AARCH64, provision, temporaryFolder } from '../support/cli.ts';
import { type Hostile, type Outcome, runHostile } from '../support/hostile.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

/** Arguments and the exit code at a plain terminal with an empty store and no network. */
const COMMANDS: Readonly<Record<string, readonly [number, ...string[]]>> = {
  help: [0, 'help'],
  version: [0, '--version'],
  list: [0, 'list'],
  plan: [0, 'plan', 'aarch64'],
  env: [4, 'env', PACKAGED_AARCH64, '--offline'],
  completion: [0, 'completion', 'bash'],
  inspect: [2, 'inspect', 'no-bundle.tar.gz'],
  sbom: [2, 'sbom', 'no-bundle.tar.gz'],
  verify: [4, 'verify', 'no-bundle.tar.gz'],
  outdated: [4, 'outdated', PACKAGED_AARCH64, '--offline'],
  upgrade: [4, 'upgrade', PACKAGED_AARCH64, '--offline'],
  cache: [2, 'cache', 'prune'],
  exec: [4, 'exec', 'aarch64', '--offline', '--', 'true'],
  shell: [2, 'shell', 'aarch64', '--offline'],
  clean: [0, 'clean'],
  image: [0, 'image', 'dockerfile', 'llvm'],
  probe: [4, 'probe', 'aarch64', '--offline', '--rust', 'image'],
  doctor: [0, 'doctor'],
  report: [2, 'report'],
  conformance: [4, 'conformance', 'aarch64', '--offline'],
  matrix: [0, 'matrix'],
  summary: [2, 'summary', '.'],
  bench: [4, 'bench', 'python', 'aarch64', '--offline'],
  run: [4, 'aarch64', '--offline'],
  json: [4, 'aarch64', '--offline', '--json'],
  unknown: [2, 'no-such-recipe'],
  option: [2, 'list', '--no-such-option'],
  init: [2, 'init'],
};

/** What the gate runs in every environment. */
const CORE = ['list', 'inspect', 'exec', 'unknown'];

/** Commands that lock something in the store. */
const LOCKS = ['env', 'exec', 'probe', 'conformance', 'bench', 'run', 'json'];

/** Commands that open the store. */
const USES_STORE = [...LOCKS, 'inspect', 'clean', 'doctor'];

interface Environment extends Hostile {
  /** Exit codes that are other than at a plain terminal, and a line of standard error; by command. */
  readonly other?: (command: string) => readonly [number, RegExp] | undefined;
}

const FULL: Environment['other'] = (command) =>
  COMMANDS[command]?.[0] === 0 ? [5, /store\/output.*no space\s+left/s] : undefined;
const NO_STORE: Environment['other'] = (command) =>
  USES_STORE.includes(command) ? [5, /error\[store\/[\s\S]*--store/] : undefined;
const NO_FOLDER: Environment['other'] = (command) =>
  ['help', 'version'].includes(command) ? undefined : [2, /usage\/no-working-folder|usage\/option/];

/** Everything harmless at once: nothing of it may change what a command says. */
const HARMLESS: Environment = {
  name: 'no HOME, no TMPDIR, umask 077, locale C, no time zone, a terminal of no columns, closed input, 64 files',
  script: 'umask 077; ulimit -n 64; $P <&-',
  env: {
    HOME: undefined,
    TMPDIR: '/proc/none',
    LC_ALL: 'C',
    TZ: 'Non/sense',
    COLUMNS: '0',
    NODE_OPTIONS: '--max-old-space-size=1024',
  },
};

const ENVIRONMENTS: readonly Environment[] = [
  HARMLESS,
  {
    name: 'a home and temporary folder below a file',
    script: '$P',
    env: { HOME: '/dev/null/x', TMPDIR: '/dev/null/x' },
  },
  { name: 'a Turkish locale', script: '$P', env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } },
  { name: 'all standard streams closed', script: '$P <&- >&- 2>&-' },
  { name: 'standard output on a full disk', script: '$P >/dev/full', other: FULL },
  { name: 'standard error on a full disk', script: '$P 2>/dev/full' },
  { name: 'a reader that goes away', script: '{ $P; echo $? >status; } | true; exit "$(cat status)"' },
  {
    name: 'the working folder deleted',
    script: 'mkdir gone && cd gone && rmdir ../gone; $P',
    other: NO_FOLDER,
  },
  {
    name: 'no program on PATH',
    script: '$P',
    env: { PATH: '' },
    other: (command) => (LOCKS.includes(command) ? [5, /store\/no-shell[\s\S]*export PATH/] : undefined),
  },
  {
    name: 'a store that cannot be made',
    script: '$P',
    env: { PROVISION_STORE: '/proc/none/store' },
    other: NO_STORE,
  },
  {
    name: 'the identity of the boot masked',
    script: `exec unshare -Urm sh -c 'mount --bind /dev/null /proc/sys/kernel/random/boot_id && exec "$@"' sh $P`,
  },
  {
    name: 'no /dev/shm',
    script: `exec unshare -Urm sh -c 'mount --bind /proc/self/fd /dev/shm && exec "$@"' sh $P`,
  },
];

/** Commands side by side: most of their time is Node's start. */
const AT_ONCE = 3;

async function sweep(t: TestContext, environment: Environment, commands: readonly string[]): Promise<void> {
  const waiting = [...commands];
  const work = async (): Promise<void> => {
    for (let command = waiting.shift(); command !== undefined; command = waiting.shift()) {
      const [code, ...args] = COMMANDS[command] as readonly [number, ...string[]];
      const cwd = temporaryFolder(t);
      writeFileSync(join(cwd, 'no-bundle.tar.gz'), gzipSync('no bundle'));
      const run = await runHostile(args, environment, cwd);
      const [expected, says] = environment.other?.(command) ?? [code, /^/];
      const where = `${command}: ${JSON.stringify(run).slice(0, 2000)}`;
      assert.equal(run.status, expected, where);
      assert.match(run.stderr, says, where);
      assertNoTrace(run, where);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function assertNoTrace({ stdout, stderr }: Outcome, where: string): void {
  assert.doesNotMatch(stdout + stderr, /^\s+at .*:\d+:\d+\)?$/m, where);
  assert.doesNotMatch(stderr, /node:internal|Node\.js v\d/, where);
}

for (const environment of ENVIRONMENTS) {
  const whole = process.env.PROVISION_TEST_ALL === '1' || environment === HARMLESS;
  test(`${environment.name}: every command ends as documented`, (t) =>
    sweep(t, environment, whole ? Object.keys(COMMANDS) : CORE));
}

test('too few files that may be open: a failure with the limit, whatever is opened when they run out', async (t) => {
  for (const limit of [24, 27, 30, 34]) {
    for (const args of [['list'], ['aarch64', '--offline'], ['inspect', 'no-bundle.tar.gz']]) {
      const cwd = temporaryFolder(t);
      writeFileSync(join(cwd, 'no-bundle.tar.gz'), gzipSync('no bundle'));
      const run = await runHostile(args, { script: `ulimit -n ${limit}; $P` }, cwd);
      const where = `${limit} ${args[0]}: ${JSON.stringify(run).slice(0, 2000)}`;
      assertNoTrace(run, where);
      assert.ok([0, 2, 4, 5].includes(run.status as number), where);
      if (run.status === 5) assert.match(run.stderr, /ulimit -n/, where);
    }
  }
});

test('a limit on the size of files: what is to be written fails, and says so', async (t) => {
  // Without modules compiled before: what Node keeps of them at its end is written, too. The launcher says where.
  const places = [{ TMPDIR: temporaryFolder(t) }, { NODE_COMPILE_CACHE: temporaryFolder(t) }];
  for (const [args, expected] of [
    [['clean'], 0],
    [['plan', 'aarch64'], 0],
    [['aarch64', '--offline'], 5],
  ] as const) {
    for (const env of places) {
      const script = 'set -o pipefail; ulimit -f 0; $P 2>&1 | cat';
      const run = await runHostile([...args], { script, env }, temporaryFolder(t));
      assertNoTrace(run, run.stdout);
      assert.equal(run.status, expected, JSON.stringify(run));
    }
  }
  const full = await runHostile(['list'], { script: 'ulimit -f 0; $P >out' }, temporaryFolder(t));
  assert.equal(full.status, 5, JSON.stringify(full));
  assert.match(full.stderr, /ulimit -f unlimited/);
});

test('a signal while the program loads ends it with 130', async (t) => {
  for (const [signal, seconds] of [
    ['INT', 0.12],
    ['TERM', 0.2],
    ['HUP', 0.25],
  ] as const) {
    const signalled = (after: number) => {
      const script = `set -m; $P & sleep ${after}; kill -${signal} $!; wait $!`;
      return runHostile(['aarch64', '--offline'], { script }, temporaryFolder(t));
    };
    let run = await signalled(seconds);
    // On a busy machine it came when the run had ended by itself, with 4.
    for (let after = seconds / 2; run.status === 4 && after > 0.01; after /= 2) run = await signalled(after);
    assertNoTrace(run, run.stderr);
    // Node itself takes a moment before anything of ours runs; until then the kernel ends it.
    const early = 128 + { INT: 2, TERM: 15, HUP: 1 }[signal];
    assert.ok([130, early].includes(run.status as number), `${signal}: ${JSON.stringify(run)}`);
  }
});

test('control characters of a description do not reach the terminal', async (t) => {
  const cwd = temporaryFolder(t);
  const hostile = '"red \\e[31m bell \\a over \\r C1 \\x9b31m title \\e]0;x\\a end"';
  writeFileSync(
    join(cwd, 'mine.yaml'),
    runnerRecipe('aarch64').replace('The isolate runner.', () => hostile),
  );
  const controls = /[^\P{Cc}\n\t]|[\u202a-\u202e]/u;
  const run = await runHostile(['plan', './mine.yaml'], { script: '$P' }, cwd);
  assert.equal(run.status, 0, JSON.stringify(run));
  assert.match(run.stdout, /red {2}bell {2}over .* end/);
  assert.doesNotMatch(run.stdout, controls);
  const json = await runHostile(['plan', './mine.yaml', '--json'], { script: '$P' }, cwd);
  assert.equal(json.status, 0, JSON.stringify(json));
  assert.doesNotMatch(json.stdout, controls);
  // The names of files and values that a failure quotes.
  const name = 'bad \x1b[31m\u202e.yaml';
  writeFileSync(join(cwd, name), runnerRecipe('aarch64').replace('target:', '"tar\\x9bget":'));
  const failing = await runHostile(['plan', `./${name}`], { script: '$P' }, cwd);
  assert.equal(failing.status, 2, JSON.stringify(failing));
  assert.match(failing.stderr, /bad .*\.yaml/);
  assert.doesNotMatch(failing.stderr, controls);
});

test('unpacking a bundle leaves nothing in the temporary folder of the machine, and needs none', async (t) => {
  const cwd = temporaryFolder(t);
  const temporary = join(cwd, 'temporary');
  mkdirSync(temporary);
  writeFileSync(join(cwd, 'no-bundle.tar.gz'), gzipSync('no bundle'));
  const run = await runHostile(
    ['inspect', 'no-bundle.tar.gz'],
    { script: '$P', env: { TMPDIR: temporary } },
    cwd,
  );
  assert.equal(run.status, 2, JSON.stringify(run));
  // Node's own cache of compiled modules.
  assert.deepEqual(
    readdirSync(temporary).filter((name) => name !== 'node-compile-cache'),
    [],
  );
  assert.deepEqual(
    readdirSync(join(cwd, 'store', 'tmp')).filter((name) => !name.includes('.session-')),
    [],
  );
});

test('a manifest that a failing device does not give is no missing crate', async (t) => {
  const cwd = temporaryFolder(t);
  // Reading the memory of a process at address 0 fails with EIO.
  symlinkSync('/proc/self/mem', join(cwd, 'Cargo.toml'));
  const run = await provision(['plan', 'x86_64', '--project', '.'], { cwd });
  assert.equal(run.status, 5, run.stderr);
  assert.match(run.stderr.replaceAll(/\s+/g, ' '), /engine\/system-refused.*Cargo\.toml.*the device failed/);
});
