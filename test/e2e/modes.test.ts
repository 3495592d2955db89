// Modes in what is shipped do not depend on the umask of who packed it, nor on the modes of the sources; another user reads
// the artifacts of a usual umask. With PROVISION_TEST_ALL=1.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';

const skip = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it';

/** Modes, owners and how often, in each archive. */
const LIST = `cd "$(mktemp -d)"
listed() { tar -tv | awk -v of="$1" '{print of, $1, $2}' | sort | uniq -c; }
gzip -dc "$1"/*.tar.gz | listed bundle
cat "$1"/*.oci.tar | listed image
tar -xf "$1"/*.oci.tar
for blob in blobs/sha256/*; do gzip -dc <"$blob" 2>/dev/null | tar -tv 2>/dev/null || true; done | awk '{print "layer", $1, $2}' | sort | uniq -c
ar tv "$1"/*.deb | awk '{print "ar", $1, $2}'
dpkg-deb --fsys-tarfile "$1"/*.deb | listed data
dpkg-deb --ctrl-tarfile "$1"/*.deb | listed control
rm -r "$PWD"
`;

test('modes do not depend on the umask', { skip, timeout: 10 * 60_000 }, async (t) => {
  const cwd = crateOf(t, {
    'Cargo.toml': '[package]\nname = "masked"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "masked"\nversion = "0.1.0"\n',
    'provision.yaml':
      'schema: 1\nextends: x86_64\npython: {from: packages, paths: [python/]}\nsamples: {path: samples}\n',
  });
  chmodSync(cwd, 0o755);
  mkdirSync(join(cwd, 'python'));
  mkdirSync(join(cwd, 'samples'));
  const lists: string[] = [];
  const usual = process.umask();
  t.after(() => process.umask(usual));
  for (const umask of [0o077, 0o000, 0o022]) {
    process.umask(umask);
    const name = umask.toString(8);
    // Other content, so that nothing comes from the store.
    const said = `${umask} ${Date.now()}`;
    mkdirSync(join(cwd, 'src'), { recursive: true });
    writeFileSync(join(cwd, 'src/main.rs'), `fn main() {\n    println!("${said}");\n}\n`);
    writeFileSync(join(cwd, 'python/own.py'), `said = '${said}'\n`, { mode: 0o666 & ~umask });
    chmodSync(join(cwd, 'python/own.py'), 0o666 & ~umask);
    writeFileSync(join(cwd, 'samples/says.py'), `print('${said}')\n`);
    const formats = ['--format', 'deb', '--format', 'oci'];
    const run = await provision(['run', ...formats, '--artifacts', `out${name}`], {
      cwd,
      store: SHARED_STORE,
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const out = join(cwd, `out${name}`);
    for (const file of readdirSync(out)) {
      const expected = (file === 'logs' ? 0o777 : 0o666) & ~umask;
      assert.equal(statSync(join(out, file)).mode & 0o777, expected, `${name}: ${file}`);
    }
    lists.push(execFileSync('/bin/sh', ['-euc', LIST, 'sh', out], { encoding: 'utf8' }));
  }
  assert.equal(lists[1], lists[0]);
  assert.equal(lists[2], lists[0]);
  assert.match(lists[0] as string, /layer -rwxr-xr-x/);
  const modes = new Set((lists[0] as string).match(/[-dlrwxt]{10}/g));
  const usualModes = ['-rw-r--r--', '-rwxr-xr-x', 'drwxr-xr-x', 'lrwxrwxrwx', 'drwxrwxrwt'];
  assert.deepEqual(
    [...modes].filter((mode) => !usualModes.includes(mode)),
    [],
  );
  if (process.getuid?.() !== 0) return;
  const read = spawnSync(
    'setpriv',
    [
      ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
      ...['find', join(cwd, 'out22'), '-type', 'f', '-exec', 'cat', '{}', '+'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' },
  );
  assert.deepEqual([read.status, read.stderr], [0, '']);
});
