// The disk of the store, of the project and of the artifacts fails at a moment taken at random, while real commands run: each ends with an exit
// code that stands for what happened, never with that of a bug or a stack trace, and the next run needs nothing done by hand.
// PROVISION_TEST_TRIALS sets how many times, PROVISION_TEST_SEED which moments.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { PACKAGED_AARCH64, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { cloneStore, removeEntries } from '../support/clone-store.ts';
import { put } from '../support/crate.ts';
import {
  type Fault,
  type FaultLog,
  type FaultRun,
  NO_FAULT_FS,
  underFault,
} from '../support/fault-fs/fault.ts';
import { runHostile } from '../support/hostile.ts';
import { numbers } from '../support/random.ts';
import { quoted } from '../support/sandboxes.ts';

const TRIALS = Number(process.env.PROVISION_TEST_TRIALS ?? 3);
const MANY = TRIALS >= 10;
const SEED = Number(process.env.PROVISION_TEST_SEED ?? 1);
const FEW = ['--samples', join(REPOSITORY, 'runner', 'samples', 'any', 'containers.py')];

/** A command, and what is removed before it so that it has something to do. */
interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  readonly prepare: (store: string) => void;
  /** Folder below `work` that it is started in. */
  readonly cwd?: string;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'bundle and samples',
    args: [PACKAGED_AARCH64, ...FEW],
    prepare: (store) => {
      removeEntries(store, 'builds', /"what": ?"(unpacked )?bundle"/);
      rmSync(join(store, 'results'), { recursive: true, force: true });
    },
  },
  { name: 'a run that finds everything', args: [PACKAGED_AARCH64, ...FEW], prepare: () => {} },
  {
    name: 'unpacking',
    args: ['env', PACKAGED_AARCH64],
    prepare: (store) => removeEntries(store, 'trees', /"(name|what)": ?"packages"[\s\S]*aarch64-linux-gnu/),
  },
  {
    name: 'compiling',
    args: [PACKAGED_AARCH64, ...FEW],
    prepare: (store) => {
      removeEntries(store, 'builds', /"what": ?"(program|(unpacked )?bundle)"/);
      rmSync(join(store, 'volumes'), { recursive: true, force: true });
    },
  },
  { name: 'verification', args: ['store', 'verify', '--repair'], prepare: () => {} },
  { name: 'clean', args: ['clean', '--older-than', '1'], prepare: () => {} },
];

const WRITES = ['write', 'create', 'mkdir', 'symlink', 'link', 'setattr', 'rename2', 'fsync'] as const;

const FAULTS: readonly Omit<Fault, 'at'>[] = [
  { error: 'ENOSPC', operations: ['write', 'create', 'mkdir', 'symlink', 'link', 'rename2'], lasting: true },
  { error: 'ENOSPC', operations: ['write', 'fsync'], lasting: false },
  { error: 'EDQUOT', operations: ['write', 'create', 'mkdir'], lasting: true },
  { error: 'EIO', operations: WRITES, lasting: false },
  { error: 'EIO', operations: [...WRITES, 'unlink', 'rmdir', 'opendir', 'readdir'], lasting: true },
  { error: 'EROFS', operations: [...WRITES, 'unlink', 'rmdir'], lasting: true },
  { error: 'EMFILE', operations: ['open', 'create', 'opendir'], lasting: true },
  { error: 'ENAMETOOLONG', operations: ['create', 'mkdir', 'symlink', 'rename2'], lasting: false },
  { error: 'EACCES', operations: ['create', 'mkdir', 'rename2', 'unlink'], lasting: true },
];

/** Exit codes that a disk may bring about: nothing was lost (0), the artifacts folder (2), or the store (5). */
const EXPECTED: readonly (number | null)[] = [0, 2, 5];

const forgetResults = (store: string): void =>
  rmSync(join(store, 'results'), { recursive: true, force: true });

/** What reads a project and its samples, or the store, and writes little. */
const READING: readonly Scenario[] = [
  { name: 'a project that is up to date', args: ['run'], cwd: 'crate', prepare: () => {} },
  { name: 'samples of a project', args: ['run'], cwd: 'crate', prepare: forgetResults },
  {
    name: 'a bundle of a project',
    args: ['run'],
    cwd: 'crate',
    prepare: (store) => removeEntries(store, 'builds', /"what": ?"(unpacked )?bundle"/),
  },
  { name: 'the plan of a project', args: ['plan'], cwd: 'crate', prepare: () => {} },
  { name: 'samples', args: [PACKAGED_AARCH64, ...FEW], prepare: forgetResults },
];

const READ_FAULTS: readonly Omit<Fault, 'at'>[] = [
  { error: 'EIO', operations: ['read'], lasting: false },
  { error: 'EIO', operations: ['read'], lasting: true },
  { error: 'EIO', operations: ['open', 'readlink'], lasting: false },
  { error: 'EIO', operations: ['opendir', 'readdir'], lasting: false },
  { error: 'EIO', operations: ['lookup', 'getattr'], lasting: false },
  {
    error: 'EIO',
    operations: ['read', 'open', 'lookup', 'getattr', 'opendir', 'readdir', 'readlink'],
    lasting: true,
  },
];

/** … of what is only read: recipes, locks, sources and samples, and what runs from the store, too. */
const EXPECTED_OF_READING: readonly (number | null)[] = [0, 2, 3, 5, 6, 7];

/** Those that read or remove the whole store take long: not in a few trials. */
const scenarios = MANY ? SCENARIOS : SCENARIOS.slice(0, 3);

before(async () => {
  const cwd = temporaryFolder({ after: (done) => process.once('exit', done) });
  const args = [PACKAGED_AARCH64, ...FEW];
  const run = await provision(args, { store: SHARED_STORE, cwd, timeoutMs: 30 * 60_000 });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

const RECIPE = 'schema: 1\nextends: aarch64\nsamples: {path: samples}\n';

class Disk {
  readonly #backing: string;
  readonly #folder: string;

  constructor(t: TestContext) {
    this.#folder = temporaryFolder(t);
    this.#backing = join(this.#folder, 'backing');
    mkdirSync(join(this.#backing, 'work'), { recursive: true });
    mkdirSync(join(this.#folder, 'mounted'));
    cloneStore(this.#backing);
    const crate = join(this.#backing, 'work', 'crate');
    cpSync(join(REPOSITORY, 'runner'), crate, {
      recursive: true,
      filter: (path) => !/\/(?:target|samples)$/.test(path),
    });
    put(crate, { 'provision.yaml': RECIPE, 'samples/a.py': 'print("a")\n', 'samples/b.py': 'import json\n' });
  }

  /** A command on a disk with a fault. */
  async failing({ args, prepare, cwd = '.' }: Scenario, fault: Fault): Promise<FaultRun> {
    prepare(join(this.#backing, 'store'));
    const mountedAt = join(this.#folder, 'mounted');
    const command = [
      ...[process.execPath, '--disable-warning=ExperimentalWarning', join(REPOSITORY, 'src', 'bin.ts')],
      ...[...args, '--store', join(mountedAt, 'store')],
    ];
    const line = `cd ${quoted(join(mountedAt, 'work', cwd))} && ${command.map(quoted).join(' ')}`;
    return underFault({ line, backing: this.#backing, mountedAt, log: join(this.#folder, 'log') }, fault);
  }

  /** A command in a shell that sets limits; `$P` stands for it. */
  async limited({ args, prepare, cwd = '.' }: Scenario, script: string): Promise<FaultRun> {
    const store = join(this.#backing, 'store');
    prepare(store);
    const at = join(this.#backing, 'work', cwd);
    const run = await runHostile([...args, '--store', store], { script }, at, 15 * 60_000);
    return { ...run, status: Number(run.status), log: { counts: {}, asked: 0, failed: 0 } };
  }

  /** The same command on a good one. */
  async sound({ args, cwd = '.' }: Scenario): Promise<void> {
    const run = await provision(args, {
      store: join(this.#backing, 'store'),
      cwd: join(this.#backing, 'work', cwd),
      timeoutMs: 10 * 60_000,
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  }
}

/** How many operations of each name a scenario takes: once without a fault. */
async function countsOf(disk: Disk, scenario: Scenario): Promise<FaultLog['counts']> {
  const run = await disk.failing(scenario, { operations: [], error: 'EIO', at: 0, lasting: false });
  assert.equal(run.status, 0, shown(run));
  return run.log.counts;
}

/** Tries scenarios in turn, each with a fault and a moment taken at random; afterwards the same has to work. */
async function tryFaults(
  t: TestContext,
  disk: Disk,
  {
    scenarios,
    faults,
    expected,
  }: {
    readonly scenarios: readonly Scenario[];
    readonly faults: readonly Omit<Fault, 'at'>[];
    readonly expected: readonly (number | null)[];
  },
): Promise<void> {
  const random = numbers(SEED);
  const counts = new Map<Scenario, FaultLog['counts']>();
  let failed = 0;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const scenario = scenarios[trial % scenarios.length] as Scenario;
    const counted = counts.get(scenario) ?? (await countsOf(disk, scenario));
    counts.set(scenario, counted);
    const fault = faults[random(faults.length)] as Omit<Fault, 'at'>;
    const moments = fault.operations.reduce((sum, name) => sum + (counted[name] ?? 0), 0);
    const at = 1 + random(Math.max(1, moments));
    const run = await disk.failing(scenario, { ...fault, at });
    failed += run.log.failed;
    const moment = `seed ${SEED}, trial ${trial}: ${scenario.name}, ${at} of ${moments} ${JSON.stringify(fault)}`;
    const told = `${run.status} ${/error\[([^\]]*)/.exec(run.stderr)?.[1] ?? ''} ${moment}`;
    // Of many trials at once: diagnostics are shown when the test is over.
    if (MANY) process.stderr.write(`${told}\n`);
    else t.diagnostic(told);
    assertDocumented(run, expected, `${moment}: ${shown(run)}`);
    await disk.sound(scenario);
  }
  assert.ok(failed > 0, 'no operation failed');
}

test('whatever the disk refuses, a command ends as documented and the next one heals', {
  skip: NO_FAULT_FS,
}, async (t) => {
  await tryFaults(t, new Disk(t), { scenarios, faults: FAULTS, expected: EXPECTED });
});

test('whatever cannot be read, a command ends as documented and the next one heals', {
  skip: NO_FAULT_FS,
}, async (t) => {
  const disk = new Disk(t);
  await disk.sound(READING[0] as Scenario);
  await tryFaults(t, disk, {
    scenarios: READING,
    faults: READ_FAULTS,
    expected: EXPECTED_OF_READING,
  });
});

/** Limits of the shell and readers that go away, each with a number taken at random. */
const LIMITS: readonly (readonly [string, (random: (below: number) => number) => string, Documented?])[] = [
  ['EMFILE', (random) => `ulimit -n ${24 + random(40)}; $P`],
  ['EMFILE later', (random) => `ulimit -n ${60 + random(200)}; $P`],
  ['EFBIG', (random) => `ulimit -f ${random(64)}; $P 2>&1 | cat; exit "\${PIPESTATUS[0]}"`, [0, 2, 5, 6]],
  ['EFBIG later', (random) => `ulimit -f ${64 + random(1 << 15)}; $P`, [0, 2, 5, 6]],
  ['EPIPE', (random) => `{ $P; echo $? >../status; } | head -c ${random(600)}; exit "$(cat ../status)"`, [0]],
  [
    'EPIPE of standard error',
    (random) =>
      `{ $P 2>&1 >/dev/null; echo $? >../status; } | head -c ${random(400)}; exit "$(cat ../status)"`,
    [0],
  ],
  ['ENOSPC of standard output', () => '$P >/dev/full', [5]],
  ['ENOSPC of standard error', () => '$P 2>/dev/full', [0]],
  ['EBADF', () => '$P <&- 2>&-', [0]],
];

type Documented = readonly (number | null)[];

test('whatever a limit refuses, or a reader that goes away, a command ends as documented and the next one heals', async (t) => {
  const disk = new Disk(t);
  const random = numbers(SEED);
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const scenario = scenarios[random(scenarios.length)] as Scenario;
    const [error, script, expected = EXPECTED] = LIMITS[
      (SEED + trial) % LIMITS.length
    ] as (typeof LIMITS)[number];
    const line = script(random);
    const run = await disk.limited(scenario, line);
    const told = `${run.status} ${/error\[([^\]]*)/.exec(run.stdout + run.stderr)?.[1] ?? ''} seed ${SEED}, trial ${trial}: ${scenario.name}, ${error}: ${line}`;
    if (MANY) process.stderr.write(`${told}\n`);
    else t.diagnostic(told);
    // Some of them take standard error away.
    assertDocumented({ ...run, stderr: run.stderr || run.stdout }, expected, `${told}: ${shown(run)}`);
    await disk.sound(scenario);
  }
});

/** All that a run said, as it was printed. */
function shown({ status, stdout, stderr, log }: FaultRun): string {
  return `status ${status}, ${JSON.stringify(log)}\n--- standard output\n${stdout}\n--- standard error\n${stderr}`;
}

function assertDocumented(
  { status, stdout, stderr }: FaultRun,
  expected: readonly (number | null)[],
  where: string,
): void {
  assert.ok(expected.includes(status), where);
  assert.doesNotMatch(stdout + stderr, /^\s+at .*:\d+:\d+\)?$/m, where);
  assert.doesNotMatch(stderr, /node:internal|Node\.js v\d/, where);
  // Of samples that differ their diffs are shown.
  if (status !== 0 && status !== 7) assert.match(stderr, /error\[[a-z]+\/[\s\S]*fix:/, where);
}
