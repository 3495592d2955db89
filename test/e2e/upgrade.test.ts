// `provision upgrade` with the lists of the real archive: a lock that is behind is written anew, and put back where a sample fails. With
// PROVISION_TEST_ALL=1: it takes a sysroot of its own, and some minutes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Lock } from '../../src/domain/packages.ts';
import type { UpgradeReport } from '../../src/domain/upgrade.ts';
import { type CliRun, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const skip = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it';

const RECIPE = `schema: 1
extends: x86_64
python: {from: packages}
sysroot: {packages: [zlib1g-dev]}
samples: {path: samples}
`;

let folder = '';
let crate = '';
let lockFile = '';
/** The lock as the archive has it today. */
let today = '';

const planted = new Set<string>();
after(() => {
  for (const blob of planted) rmSync(blob, { force: true });
});

async function run(argv: readonly string[]): Promise<CliRun> {
  return provision([...argv, '--project', crate], {
    cwd: folder,
    store: SHARED_STORE,
    timeoutMs: 20 * 60_000,
  });
}

before(async () => {
  if (skip !== false) return;
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision upgrade ü ');
  crate = join(folder, 'tiny');
  cpSync(join(REPOSITORY, 'test', 'crates', 'tiny'), crate, { recursive: true });
  writeFileSync(join(crate, 'provision.yaml'), RECIPE);
  for (const argv of [['lock'], ['run', '--no-host']]) {
    const { status, stdout, stderr } = await run(argv);
    assert.equal(status, 0, stdout + stderr);
  }
  lockFile = join(crate, readdirSync(crate).find((name) => /^provision\..*\.lock$/.test(name)) ?? '');
  today = readFileSync(lockFile, 'utf8');
});

/** The lock as it was when the archive had an older version of a package, whose file is in the store: no mirror has older ones for ever. */
function older(name: string): string {
  const lock = JSON.parse(today) as Lock;
  const [found] = Object.values(lock.sets).flatMap((set) => set.filter((one) => one.name === name));
  assert.ok(found !== undefined, name);
  const blob = (digest: string): string =>
    join(SHARED_STORE, 'blobs', 'sha256', digest.replace('sha256:', ''));
  const bytes = readFileSync(blob(found.digest));
  // The time of the first member (ar(5)): another file, of the same content.
  bytes[24] = bytes[24] === 0x31 ? 0x32 : 0x31;
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  writeFileSync(blob(digest), bytes);
  planted.add(blob(digest));
  const inPath = found.version.replace(/^\d+:/, '');
  return today
    .replaceAll(`"name": "${name}", "version": "${found.version}"`, `"name": "${name}", "version": "1.0-1"`)
    .replaceAll(`/${name}_${inPath}_`, `/${name}_1.0-1_`)
    .replaceAll(found.digest, digest);
}

function packagesOf(text: string): Lock['sets'] {
  return (JSON.parse(text) as Lock).sets;
}

test('what the archive has newer is locked, the samples run before and after, and the difference is text for a pull request', {
  skip,
}, async () => {
  writeFileSync(lockFile, older('libexpat1'));
  const behind = await run(['outdated', '--json']);
  assert.equal(behind.status, 3, behind.stderr);
  const upgraded = await run(['upgrade', '--summary', 'pr.md', '--json']);
  assert.equal(upgraded.status, 0, upgraded.stdout + upgraded.stderr);
  assert.deepEqual(packagesOf(readFileSync(lockFile, 'utf8')), packagesOf(today));
  const report = JSON.parse(upgraded.stdout) as UpgradeReport;
  const version = packagesOf(today).sysroot?.find(({ name }) => name === 'libexpat1')?.version;
  assert.equal(report.kept, true);
  const [lock, ...others] = report.locks;
  assert.deepEqual(others, [], 'no other lock is written');
  assert.deepEqual(
    lock?.differences.filter(({ name }) => name === 'libexpat1').map(({ from, to }) => [from, to]),
    [['1.0-1', version]],
  );
  const expat = report.upgraded.find(({ name, shipped }) => name === 'expat' && shipped);
  assert.ok((expat?.fixes ?? []).length > 10, 'what its changelog says that was corrected');
  const [recipe] = report.recipes;
  for (const facts of [recipe?.before, recipe?.after])
    assert.deepEqual([facts?.totals.passed, facts?.totals.samples], [1, 1]);
  const text = readFileSync(join(folder, 'pr.md'), 'utf8');
  assert.match(text, /^## Newer packages: \d+ in 1 lock\n/);
  assert.match(text, /\| <code>expat<\/code> \| 1\.0-1 \| /);
  assert.match(text, /1 of 1 equal → 1 of 1 equal/);
  // Everything is new now, as far as it is the crate's own.
  const again = await run(['upgrade', '--json']);
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual((JSON.parse(again.stdout) as UpgradeReport).locks, []);
});

test('where a sample fails with the newer packages, every lock is as it was', { skip }, async (t) => {
  const sample = join(crate, 'samples', 'fails.py');
  writeFileSync(sample, 'import sys\nprint(sys.executable)\n');
  t.after(() => rmSync(sample));
  const text = older('libexpat1');
  writeFileSync(lockFile, text);
  const upgraded = await run(['upgrade', '--summary', 'pr.md']);
  assert.equal(upgraded.status, 7, upgraded.stdout + upgraded.stderr);
  assert.equal(readFileSync(lockFile, 'utf8'), text);
  assert.match(
    readFileSync(join(folder, 'pr.md'), 'utf8'),
    /^## ❌ Newer packages do not pass: the locks stay as they are\n/,
  );
  assert.match(upgraded.stderr.replaceAll(/\s+/g, ' '), /the locks are those of before again/);
});
