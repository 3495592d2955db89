// Cures of the catalogue, tried: a crate provokes the blocker, the cure is applied as it was printed, the blocker is gone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { applyCure, blockersOf, curedCrate, locked, recipe } from '../support/cured-crate.ts';
import { PROVOKED, type Provoked } from '../support/provoked.ts';

function skipped({ more = false }: Provoked): string | false {
  if (!existsSync('/usr/bin/apt-get')) return 'apt is not on this machine';
  return process.env.PROVISION_TEST_ALL === '1' || !more ? false : 'PROVISION_TEST_ALL=1 tries it';
}

/** Cures that are tried by other tests → which. */
const TRIED_ELSEWHERE: Readonly<Record<string, string>> = {
  ...those('machine-cures.test.ts, on a Debian machine', [
    'missing-target-std',
    'pyo3-cross-version',
    'missing-cross-linker',
    'missing-target-libc',
    'libpython-not-found',
    'no-emulator',
    'no-encodings',
    'elf-interpreter',
    'sysconfigdata-not-found',
    'no-python-interpreter',
    'several-pythons',
    'auto-initialize-static',
    'crate-msrv',
    'crate-not-in-lock',
    'shared-library-not-found',
  ]),
  ...those('host-cures.test.ts, on a Debian machine', [
    'host-libpython',
    'dl-find-object',
    'undefined-python-libraries',
    'duplicate-symbols',
    'glibc-too-new',
    'certificate',
    'network-refused',
  ]),
  ...those('crate-fetching.test.ts', [
    'certificate-name',
    'certificate-expired',
    'newer-cargo-lock',
    'bad-cargo-lock',
  ]),
  ...those('run-cures.test.ts', ['no-space', 'out-of-memory', 'qemu-crash', 'qemu-unsupported-syscall']),
  ...those('profiles.test.ts', [
    'profile-not-defined',
    'profile-debug',
    'panic-immediate-abort',
    'unstable-cargo-feature',
  ]),
};

function those(why: string, codes: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, why]));
}

test('every entry of the catalogue has its cure tried', () => {
  const codes = readCatalogue(join(REPOSITORY, 'src', 'diagnose', 'catalogue')).map(({ code }) => code);
  const tried = new Set(PROVOKED.map(({ code }) => code));
  assert.deepEqual([...new Set([...tried, ...Object.keys(TRIED_ELSEWHERE)])].sort(), codes.sort());
});

function crate(t: TestContext, { code, crate: wants, files, recipe: base = 'aarch64' }: Provoked): string {
  const features =
    code === 'required-features'
      ? '[features]\nserver = []\ntls = []\n[[bin]]\nname = "cured"\npath = "src/main.rs"\nrequired-features = ["server", "tls"]\n'
      : '';
  const own = { 'provision.yaml': recipe(base), ...files };
  const folder = wants === undefined ? curedCrate(t, own, features) : copyOf(t, wants, own);
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: folder });
  if (wants === 'git' || code === 'no-git-history') {
    git('init', '--quiet', '.');
    git('add', '.');
    git('commit', '--quiet', '--message=one');
  }
  return folder;
}

function copyOf(t: TestContext, wants: string, files: Readonly<Record<string, string>>): string {
  const folder = join(temporaryFolder(t, 'provision cure ü '), 'crate');
  cpSync(join(REPOSITORY, 'test', 'crates', 'wants', wants), folder, { recursive: true });
  put(folder, files);
  return folder;
}

for (const one of PROVOKED) {
  const { code, as, cure, instead, leaves, recipe: base = 'aarch64' } = one;
  test(`${code}${as === undefined ? '' : ` (${as})`}: the cure that is printed removes it`, {
    skip: skipped(one),
  }, async (t) => {
    const folder = crate(t, one);
    if (/^(?:toolchain|sysroot):/m.test(readFileSync(join(folder, 'provision.yaml'), 'utf8')))
      await locked(folder);
    const run = () => provision(['run'], { cwd: folder, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
    const blocked = await run();
    assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
    const [first] = blockersOf(folder, base);
    assert.equal(first?.code, code, blocked.stderr);
    const printed = first.cure as string;
    if (typeof cure === 'string') assert.equal(printed, cure);
    else assert.match(printed, cure);
    await applyCure(folder, printed, instead);
    const cured = await run();
    assert.equal(cured.status, leaves === undefined ? 0 : 6, cured.stdout + cured.stderr);
    assert.equal(blockersOf(folder, base)[0]?.code, leaves);
  });
}
