// A second machine provisions a target from a registry: nothing is compiled, unpacked from packages or run; and two that begin with
// the same program make it once. With PROVISION_TEST_ALL=1: a toolchain goes through the registry (350 MB, some minutes on a slow disk).
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CliRun,
  finish,
  PACKAGED_X86_64,
  provision,
  SHARED_STORE,
  startProvision,
  temporaryFolder,
  untilPrinted,
} from '../support/cli.ts';
import { cloneStore } from '../support/clone-store.ts';
import { put } from '../support/crate.ts';
import { NO_REGISTRY, startRegistry } from '../support/registry.ts';

const skip = process.env.PROVISION_TEST_ALL === '1' ? NO_REGISTRY : 'PROVISION_TEST_ALL=1 runs it';

test('a target from a shared store: the same bundle, and the samples that another machine has run', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const folder = temporaryFolder(t, 'zweite mäschine ');
  const [sign, open] = [join(folder, 'sign.pem'), join(folder, 'cache.pub')];
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', sign]);
  execFileSync('openssl', ['pkey', '-in', sign, '-pubout', '-out', open]);
  const run = async (
    name: string,
    store: string,
    env: Readonly<Record<string, string>>,
    ...more: string[]
  ) => {
    const artifacts = join(folder, name);
    const ran = await provision([PACKAGED_X86_64, '--no-host', '--artifacts', artifacts, ...more], {
      ...{ store, cwd: folder, timeoutMs: 20 * 60_000 },
      env: { PROVISION_CACHE: `oci://${host}/team/cache`, ...env },
    });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8'));
    return { ...ran, report };
  };
  const first = await run('first', SHARED_STORE, { PROVISION_SIGN_KEY: sign }, '--push-cache');
  assert.match(first.stdout, /Pushed to oci:.*: \d\d\d entries/);
  const store = join(folder, 'störe');
  const second = await run('second', store, { PROVISION_TRUSTED_KEYS: open });
  // Neither toolchain nor sysroot is among them: nothing reads them.
  assert.match(second.stdout, /Taken from oci:.*: \d entries, \d\d\d results/);
  assert.deepEqual(readdirSync(join(store, 'trees')), []);
  const { report } = second;
  assert.equal(report.bundle.digest, first.report.bundle.digest);
  assert.equal(report.bytes.downloaded, 0);
  assert.equal(report.totals.cached, first.report.totals.samples - first.report.totals.skipped);
  // No sandbox was opened: nothing was built or run.
  assert.equal(report.engine, undefined);
  const verified = await provision(['store', 'verify'], { store, timeoutMs: 10 * 60_000 });
  assert.match(verified.stdout, /None is damaged\.\n$/);
});

/** A program that takes its time to compile: long enough for another machine to come to the same point meanwhile. */
const SLOW: Readonly<Record<string, string>> = {
  'Cargo.toml': '[package]\nname = "slow"\nversion = "0.1.0"\nedition = "2021"\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "slow"\nversion = "0.1.0"\n',
  'build.rs': 'fn main() { std::thread::sleep(std::time::Duration::from_secs(60)); }\n',
  'src/main.rs': 'fn main() { println!("slow"); }\n',
  'provision.yaml':
    'schema: 1\nextends: x86_64\npython: {from: packages}\nhost: false\ntests: {commands: [{name: says, stdout: "slow\\n"}]}\n',
};

interface Maker {
  readonly child: ChildProcess;
  readonly ended: Promise<CliRun>;
  /** How often cargo has built there. */
  readonly builds: () => number;
}

/** Two machines with a store each, which may push to the same registry; `start` begins a run there. */
async function twoMachines(t: TestContext): Promise<(name: string) => Maker> {
  const { host } = await startRegistry(t);
  const folder = temporaryFolder(t, 'zwei mäschinen ');
  const sign = join(folder, 'sign.pem');
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', sign]);
  const cwd = join(folder, 'slow');
  put(cwd, SLOW);
  const stores = new Map(
    ['first', 'second'].map((name) => [name, cloneStore(join(folder, name), ['volumes'])]),
  );
  return (name) => {
    const artifacts = join(folder, `artifacts of ${name}`);
    const child = startProvision(['run', '--push-cache', '--artifacts', artifacts], {
      ...{ cwd, store: stores.get(name) as string },
      env: { PROVISION_CACHE: `oci://${host}/team/cache`, PROVISION_SIGN_KEY: sign },
    });
    const log = join(artifacts, 'logs', 'build.log');
    return {
      child,
      ended: finish(child, 25 * 60_000),
      builds: () =>
        existsSync(log) ? (readFileSync(log, 'utf8').match(/^\$ \S*cargo build /gm) ?? []).length : 0,
    };
  };
}

async function untilBuilding({ builds, child }: Maker): Promise<void> {
  while (builds() === 0) {
    assert.equal(child.exitCode, null, 'it ended without building');
    await sleep(100);
  }
}

test('two machines come to the same program: one compiles it, the other waits and takes it', {
  skip,
}, async (t) => {
  const start = await twoMachines(t);
  const first = start('first');
  await untilBuilding(first);
  const second = start('second');
  const [made, taken] = await Promise.all([first.ended, second.ended]);
  for (const { status, stdout, stderr } of [made, taken]) assert.equal(status, 0, stdout + stderr);
  assert.deepEqual([first.builds(), second.builds()], [1, 0], taken.stdout + taken.stderr);
  assert.match(taken.stdout + taken.stderr, /Another machine is making builds-[0-9a-f]{64}/);
  assert.doesNotMatch(made.stdout + made.stderr, /Another machine/);
});

test('the machine that compiles is killed: the other waits until its claim has expired, and compiles', {
  skip,
}, async (t) => {
  const start = await twoMachines(t);
  const first = start('first');
  await untilBuilding(first);
  const second = start('second');
  await untilPrinted(second.child, /Another machine is making builds-/);
  first.child.kill('SIGKILL');
  const killed = performance.now();
  await first.ended;
  await untilBuilding(second);
  // A claim holds for two minutes.
  assert.ok(performance.now() - killed < 240_000);
  const { status, stdout, stderr } = await second.ended;
  assert.equal(status, 0, stdout + stderr);
  assert.equal(second.builds(), 1);
});
