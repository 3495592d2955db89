// The disk of the store and of the artifacts fails at a moment taken at random, while real commands run: each ends with an exit
// code that stands for what happened, never with that of a bug or a stack trace, and the next run needs nothing done by hand.
// PROVISION_TEST_TRIALS sets how many times, PROVISION_TEST_SEED which moments.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { cloneStore, removeEntries } from '../support/clone-store.ts';
import {
  type Fault,
  type FaultLog,
  type FaultRun,
  NO_FAULT_FS,
  underFault,
} from '../support/fault-fs/fault.ts';
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
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'bundle and samples',
    args: ['aarch64', ...FEW],
    prepare: (store) => {
      removeEntries(store, 'builds', /"what": ?"(unpacked )?bundle"/);
      rmSync(join(store, 'results'), { recursive: true, force: true });
    },
  },
  { name: 'a run that finds everything', args: ['aarch64', ...FEW], prepare: () => {} },
  {
    name: 'unpacking',
    args: ['env', 'aarch64'],
    prepare: (store) => removeEntries(store, 'trees', /"(name|what)": ?"packages"[\s\S]*aarch64-linux-gnu/),
  },
  {
    name: 'compiling',
    args: ['aarch64', ...FEW],
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

/** Those that read or remove the whole store take long: not in a few trials. */
const scenarios = MANY ? SCENARIOS : SCENARIOS.slice(0, 3);

before(async () => {
  const cwd = temporaryFolder({ after: (done) => process.once('exit', done) });
  const run = await provision(['aarch64'], { store: SHARED_STORE, cwd, timeoutMs: 30 * 60_000 });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

class Disk {
  readonly #backing: string;
  readonly #folder: string;

  constructor(t: TestContext) {
    this.#folder = temporaryFolder(t);
    this.#backing = join(this.#folder, 'backing');
    mkdirSync(join(this.#backing, 'work'), { recursive: true });
    mkdirSync(join(this.#folder, 'mounted'));
    cloneStore(this.#backing);
  }

  /** A command on a disk with a fault. */
  async failing({ args, prepare }: Scenario, fault: Fault): Promise<FaultRun> {
    prepare(join(this.#backing, 'store'));
    const mountedAt = join(this.#folder, 'mounted');
    const command = [
      ...[process.execPath, '--disable-warning=ExperimentalWarning', join(REPOSITORY, 'src', 'bin.ts')],
      ...[...args, '--store', join(mountedAt, 'store')],
    ];
    const line = `cd ${quoted(join(mountedAt, 'work'))} && ${command.map(quoted).join(' ')}`;
    return underFault({ line, backing: this.#backing, mountedAt, log: join(this.#folder, 'log') }, fault);
  }

  /** The same command on a good one. */
  async sound({ args }: Scenario): Promise<void> {
    const run = await provision(args, {
      store: join(this.#backing, 'store'),
      cwd: join(this.#backing, 'work'),
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  }
}

/** How many operations of each name a scenario takes: once without a fault. */
async function countsOf(disk: Disk, scenario: Scenario): Promise<FaultLog['counts']> {
  const run = await disk.failing(scenario, { operations: [], error: 'EIO', at: 0, lasting: false });
  assert.equal(run.status, 0, JSON.stringify(run));
  return run.log.counts;
}

test('whatever the disk refuses, a command ends as documented and the next one heals', {
  skip: NO_FAULT_FS,
}, async (t) => {
  const disk = new Disk(t);
  const random = numbers(SEED);
  const counts = new Map<Scenario, FaultLog['counts']>();
  let failed = 0;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const scenario = scenarios[trial % scenarios.length] as Scenario;
    const counted = counts.get(scenario) ?? (await countsOf(disk, scenario));
    counts.set(scenario, counted);
    const fault = FAULTS[random(FAULTS.length)] as Omit<Fault, 'at'>;
    const moments = fault.operations.reduce((sum, name) => sum + (counted[name] ?? 0), 0);
    const at = 1 + random(Math.max(1, moments));
    const run = await disk.failing(scenario, { ...fault, at });
    failed += run.log.failed;
    const moment = `seed ${SEED}, trial ${trial}: ${scenario.name}, ${at} of ${moments} ${JSON.stringify(fault)}`;
    const told = `${run.status} ${/error\[([^\]]*)/.exec(run.stderr)?.[1] ?? ''} ${moment}`;
    // Of many trials at once: diagnostics are shown when the test is over.
    if (MANY) process.stderr.write(`${told}\n`);
    else t.diagnostic(told);
    assertDocumented(run, `${moment}: ${JSON.stringify(run)}`);
    await disk.sound(scenario);
  }
  assert.ok(failed > 0, 'no operation failed');
});

function assertDocumented({ status, stdout, stderr }: FaultRun, where: string): void {
  assert.ok(EXPECTED.includes(status), where);
  assert.doesNotMatch(stdout + stderr, /^\s+at .*:\d+:\d+\)?$/m, where);
  assert.doesNotMatch(stderr, /node:internal|Node\.js v\d/, where);
  if (status !== 0) assert.match(stderr, /error\[(store|engine|usage)\/[\s\S]*fix:/, where);
}
