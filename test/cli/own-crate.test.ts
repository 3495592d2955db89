// Crates that cannot be built are rejected before anything is fetched: the store of these runs stays empty.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliRun, provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { crateOf, MANIFEST, PROGRAM } from '../support/crate.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';

async function run(t: TestContext, args: readonly string[], cwd: string): Promise<CliRun> {
  const store = join(temporaryFolder(t), 'store');
  const ran = await provision([...args, '--offline'], { cwd, store });
  const blobs = join(store, 'blobs', 'sha256');
  assert.ok(!existsSync(blobs) || readdirSync(blobs).length === 0);
  return ran;
}

test('a crate without Cargo.lock is rejected with the command that makes it', async (t) => {
  const crate = crateOf(t);
  rmSync(join(crate, 'Cargo.lock'));
  const ran = await run(t, ['aarch64', '--project', '.'], crate);
  assert.equal(ran.status, 6);
  assert.match(ran.stderr, /build\/no-cargo-lock/);
  assert.match(ran.stderr, /cargo generate-lockfile/);
});

test('a folder without a crate, and a crate with no, several or unknown binaries, are rejected', async (t) => {
  const several = crateOf(t, { ...PROGRAM, 'src/bin/other.rs': '' });
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    [temporaryFolder(t), [], /recipe\/no-project/],
    [crateOf(t, { 'Cargo.toml': MANIFEST, 'src/lib.rs': '' }), [], /recipe\/no-bin/],
    [several, [], /recipe\/which-bin[\s\S]*--bin/],
    [several, ['--bin', 'othre'], /recipe\/unknown-bin[\s\S]*Did you mean `other`/],
  ];
  for (const [crate, more, message] of cases) {
    const ran = await run(t, ['plan', 'aarch64', '--project', crate, ...more], '/');
    assert.equal(ran.status, 2);
    assert.match(ran.stderr, message);
    // The folder is from the command line: no file of the tool's own is to blame.
    assert.doesNotMatch(ran.stderr, /defaults\.yaml/);
  }
  assert.equal((await run(t, ['plan', 'aarch64', '--project', several, '--bin', 'other'], '/')).status, 0);
});

test('run without a recipe and without provision.yaml fails with what to do', async (t) => {
  const ran = await run(t, ['run'], crateOf(t));
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /usage\/missing-argument/);
  assert.match(ran.stderr, /provision init/);
});

test('a provision.yaml of a newer schema is rejected', async (t) => {
  const crate = crateOf(t);
  writeFileSync(join(crate, 'provision.yaml'), 'schema: 2\nextends: aarch64\nnew-key: 1\n');
  const ran = await run(t, ['run'], crate);
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /recipe\/newer-schema/);
  assert.doesNotMatch(ran.stderr, /new-key/);
});

test('a project reached through a symbolic link is the same project', async (t) => {
  const crate = crateOf(t);
  writeFileSync(join(crate, 'provision.yaml'), 'schema: 1\nextends: aarch64\n');
  const link = join(temporaryFolder(t), 'link ü');
  symlinkSync(crate, link);
  const plan = await run(t, ['plan', '--json', '--project', link], '/');
  assert.equal(plan.status, 0, plan.stderr);
  const { recipe } = JSON.parse(plan.stdout) as { recipe: { project: { folder: string; root: string } } };
  assert.deepEqual([recipe.project.folder, recipe.project.root], [crate, crate]);
});

test('packages without a lock fail with `provision lock` as the fix; --frozen also prevents `provision lock`', async (t) => {
  const crate = crateOf(t);
  writeFileSync(
    join(crate, 'provision.yaml'),
    'schema: 1\nextends: aarch64\nsysroot: {packages: [libpq-dev]}\n',
  );
  const ran = await run(t, ['run'], crate);
  assert.equal(ran.status, 3);
  assert.match(ran.stderr, /lock\/missing/);
  assert.match(ran.stderr, /`provision lock`/);
  const frozen = await run(t, ['lock', '--frozen'], crate);
  assert.equal(frozen.status, 3);
  writeFileSync(join(crate, 'provision.yaml'), 'schema: 1\nextends: aarch64\n');
  const nothing = await run(t, ['lock'], crate);
  assert.equal(nothing.status, 0);
  assert.match(nothing.stdout, /adds nothing that is not locked/);
});

test('a current folder that cannot be written is a failure that names --project', (t) => {
  const user = asOrdinaryUser(t);
  if (user === undefined) return t.skip('an ordinary user cannot read this checkout');
  const crate = crateOf(t);
  chmodSync(crate, 0o555);
  const command = `cd '${crate}' && exec '${user.node}' '${join(REPOSITORY, 'src/cli.ts')}' aarch64 --project . --offline --store '${user.folder}/store'`;
  assert.throws(
    () => user.execute('/bin/sh', ['-c', command], { PATH: '/usr/bin:/bin' }),
    ({ status, stderr }: { status: number; stderr: string }) =>
      status === 2 && /usage\/artifacts/.test(stderr) && /--project/.test(stderr),
  );
  chmodSync(crate, 0o755);
});
