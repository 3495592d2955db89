// Whether every mirror still has what is locked: all bytes are read from each, whatever the others and the store have.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkMirrors } from '../../src/fetch/check.ts';
import { provision, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { lockedPackage } from '../support/locked.ts';
import { files, startMirror } from '../support/mirror.ts';
import { value } from '../support/sandboxes.ts';
import { mirrorsOf } from './fetch-all.ts';

test('each mirror is read whole; what one lacks, changed or does not serve is its own', async (t) => {
  const store = join(temporaryFolder(t, 'störe '), 'störe');
  const [one, two] = [lockedPackage('one', 5000), lockedPackage('two', 50)];
  const both = { [one.locked.path]: one.bytes, [two.locked.path]: two.bytes };
  const full = await startMirror(t, files(both));
  const lacking = await startMirror(t, files({ [one.locked.path]: one.bytes }));
  const changed = await startMirror(t, files({ ...both, [two.locked.path]: Buffer.alloc(50) }));
  const closed = await startMirror(t, files(both));
  await closed.close();
  const again = await startMirror(t, files(both));
  const mirrors = mirrorsOf(full.url, lacking.url, changed.url, closed.url, again.url);
  const checks = value(await checkMirrors(testContext({ store }), [one.locked, two.locked], mirrors));
  assert.deepEqual(
    checks.map(({ url, failure }) => [url, failure?.code]),
    [
      [full.url, undefined],
      [lacking.url, 'fetch/not-found'],
      [changed.url, 'fetch/digest-mismatch'],
      [closed.url, 'fetch/no-network'],
      // The first one's bytes do not count for it.
      [again.url, undefined],
    ],
  );
  assert.deepEqual([checks[0]?.whole, checks[4]?.whole, again.requests.length], [2, 2, 2]);
  assert.deepEqual(readdirSync(join(store, 'blobs', 'sha256')), []);
  assert.deepEqual(
    readdirSync(join(store, 'tmp')).filter((name) => name.includes('.check')),
    [],
  );
});

test('`provision lock --check` says which mirror has not all of a lock, and writes nothing', async (t) => {
  const folder = temporaryFolder(t);
  const mirror = await startMirror(t, files({}));
  const options = { cwd: folder, store: join(folder, 'store'), env: { PROVISION_DEBIAN_MIRROR: mirror.url } };
  const name = 'pythons/cpython-3.13/reference/amd64';
  const run = await provision(['lock', '--check', name, '--json'], options);
  assert.equal(run.status, 3, run.stderr);
  const { locks, files: count, mirrors } = JSON.parse(run.stdout);
  assert.deepEqual(locks, [name]);
  assert.ok(count > 20);
  assert.deepEqual(
    mirrors.map(({ whole, read, failure }: { whole: boolean; read: number; failure: { code: string } }) => [
      ...[whole, read, failure.code],
    ]),
    [[false, 0, 'fetch/not-found']],
  );
  assert.equal(mirror.requests.length, count);
  const said = run.stderr.replaceAll(/\s+/g, ' ');
  assert.match(said, /error\[lock\/not-whole\]: 1 of 1 mirror has not all that is named by 1 lock\./);
  const offline = await provision(['lock', '--check', name, '--offline'], options);
  assert.equal(offline.status, 4, offline.stderr);
});
