// The disk of the store and of the artifacts fails at a moment taken at random, while real commands run: each ends with an exit
// code that stands for what happened, never with that of a bug or a stack trace, and the next run needs nothing done by hand.
// PROVISION_TEST_TRIALS sets how many times, PROVISION_TEST_SEED which moments.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { cloneStore, removeEntries } from '../support/clone-store.ts';
import { type Fault, type FaultRun, NO_FAULT_FS, underFault } from '../support/fault-fs/fault.ts';
import { numbers } from '../support/random.ts';
import { quoted } from '../support/sandboxes.ts';

const TRIALS = Number(process.env.PROVISION_TEST_TRIALS ?? 8);
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

test('whatever the disk refuses, a command ends as documented and the next one heals', {
  skip: NO_FAULT_FS,
}, async (t) => {
  const disk = new Disk(t);
  const random = numbers(SEED);
  const asked = new Map<string, number>();
  let failed = 0;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const scenario = SCENARIOS[trial % SCENARIOS.length] as Scenario;
    const fault = FAULTS[random(FAULTS.length)] as Omit<Fault, 'at'>;
    const key = `${scenario.name} ${fault.operations}`;
    // Once without a fault: how many moments there are.
    const moments =
      asked.get(key) ?? (await disk.failing(scenario, { ...fault, at: 0, lasting: false })).log.asked;
    asked.set(key, moments);
    const at = 1 + random(Math.max(1, moments));
    const run = await disk.failing(scenario, { ...fault, at });
    failed += run.log.failed;
    const where = `seed ${SEED}, trial ${trial}: ${scenario.name}, ${JSON.stringify({ ...fault, at })} of ${moments}: ${JSON.stringify(run)}`;
    t.diagnostic(`${run.status} ${/error\[([^\]]*)/.exec(run.stderr)?.[1] ?? ''} ${where.slice(0, 200)}`);
    assert.ok(EXPECTED.includes(run.status), where);
    assert.doesNotMatch(run.stdout + run.stderr, /^\s+at .*:\d+:\d+\)?$/m, where);
    assert.doesNotMatch(run.stderr, /node:internal|Node\.js v\d/, where);
    if (run.status !== 0) assert.match(run.stderr, /error\[(store|engine|usage)\/[\s\S]*fix:/, where);
    await disk.sound(scenario);
  }
  assert.ok(failed > 0, 'no operation failed');
});
