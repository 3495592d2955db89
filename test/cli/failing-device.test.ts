// A device that fails when a name is looked up does not say that nothing is there: a command that goes on as if it did builds something
// else. One lookup after the other fails in the folder of a project; the gate has some, PROVISION_TEST_ALL=1 all of them.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { NO_FAULT_FS, underFault } from '../support/fault-fs/fault.ts';
import { quoted } from '../support/sandboxes.ts';

const ALL = process.env.PROVISION_TEST_ALL === '1';

/** What is looked for and found, and what is looked for in vain, of all that a plan reads. */
const PROJECT = {
  'Cargo.toml': `[workspace]\nmembers = ["inner"]\n[package]\nname = "outer"\nversion = "0.1.0"\nedition = "2021"
[dependencies]\npyo3 = { version = "0.30.1", features = ["auto-initialize"] }\ninner = { path = "inner" }\n`,
  'Cargo.lock': `version = 4\n[[package]]\nname = "pyo3"\nversion = "0.30.1"\n[[package]]\nname = "outer"\nversion = "0.1.0"\ndependencies = ["inner", "pyo3"]
[[package]]\nname = "inner"\nversion = "0.1.0"\n`,
  'inner/Cargo.toml': '[package]\nname = "inner"\nversion = "0.1.0"\nedition = "2021"\n',
  'inner/src/lib.rs': '',
  'src/bin/other/main.rs': 'fn main() {}\n',
  '.cargo/config.toml': '[env]\nGREETING = "hello"\n',
  'python/greetings.py': 'HELLO = "hello"\n',
  'samples/a.py': 'print("a")\n',
  'provision.yaml': 'schema: 1\nextends: aarch64\nproject: {bin: other}\npython: {paths: [python]}\n',
};

test('whatever lookup a failing device does not answer: the same plan, or the device is named', {
  skip: NO_FAULT_FS,
}, async (t) => {
  const folder = temporaryFolder(t);
  const [backing, mountedAt] = [join(folder, 'backing'), join(folder, 'mounted')];
  for (const path of [backing, mountedAt]) mkdirSync(path);
  put(backing, PROJECT);
  const command = [
    ...[process.execPath, '--disable-warning=ExperimentalWarning', join(REPOSITORY, 'src', 'bin.ts')],
    ...['plan', '--json', '--store', join(folder, 'store')],
  ];
  const line = `cd ${quoted(mountedAt)} && ${command.map(quoted).join(' ')}`;
  const operations = ['lookup', 'getattr'] as const;
  const planned = (at: number) =>
    underFault(
      { line, backing, mountedAt, log: join(folder, 'log') },
      {
        ...{ operations, error: 'EIO', at, lasting: false },
      },
    );
  const whole = await planned(0);
  assert.equal(whole.status, 0, whole.stderr);
  const asked = operations.reduce((sum, name) => sum + (whole.log.counts[name] ?? 0), 0);
  const step = ALL ? 1 : Math.ceil(asked / 6);
  let told = 0;
  for (let at = 1; at <= asked; at += step) {
    const run = await planned(at);
    const where = `lookup ${at} of ${asked}: ${run.status}\n${run.stdout}${run.stderr}`;
    if (run.log.failed === 0 || (run.status === 0 && run.stdout === whole.stdout)) continue;
    assert.equal(run.status, 5, where);
    assert.match(run.stderr, /error\[\w+\/[\w-]+\][\s\S]*the device failed|disk-error/, where);
    told += 1;
  }
  t.diagnostic(`of ${asked} lookups ${told} that failed were told`);
  assert.ok(told > 0, 'no lookup that failed was told');
});
