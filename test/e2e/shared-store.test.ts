// A second machine provisions a target from a registry: nothing is compiled, unpacked from packages or run. With
// PROVISION_TEST_ALL=1: a toolchain goes through the registry (350 MB, some minutes on a slow disk).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGED_X86_64, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
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
