// CPython on the oldest glibc that is packaged. Each target needs a CPython of its own, which takes long: with
// PROVISION_TEST_ALL=1 only.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { runsWhole } from '../support/runs-whole.ts';

const skip = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for them';

/** Target → the glibc that its program needs, and that of the system that it is tested on. */
const FLOORS = {
  x86_64: '2.30',
  aarch64: '2.30',
  armv7: '2.35',
  ppc64le: '2.35',
  riscv64: '2.39',
  s390x: '2.35',
} as const;

const CASES = [
  ...Object.entries(FLOORS).flatMap(([target, floor]) =>
    ['static', 'dynamic'].map((linkage) => ({ target, floor, linkage })),
  ),
  // With the older C library that it has on request.
  { target: 'armv7', floor: '2.30', linkage: 'static' },
];

for (const { target, floor, linkage } of CASES) {
  test(`a program for ${target} (${linkage}) starts with glibc ${floor}, and its samples are equal on the oldest system`, {
    skip,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const more = `python: {from: source, linkage: ${linkage}}\nglibc: "${floor}"\n`;
    const { archive, inspected } = await runsWhole(folder, target, more);
    const { libc, python, extensions, libraries } = inspected;
    assert.equal(libc.floor, floor);
    assert.equal(python.linkage, linkage);
    const shared = libraries.brought.map(({ path }) => path).filter((path) => path.includes('libpython'));
    assert.deepEqual(shared, linkage === 'static' ? [] : ['lib/libpython3.13.so.1.0']);
    assert.ok(linkage === 'static' ? extensions === 0 : extensions > 50, `${extensions} extension modules`);
    const mine = process.report.getReport() as { header: { arch: string; glibcVersionRuntime?: string } };
    const { arch, glibcVersionRuntime: glibc = '2.0' } = mine.header;
    if (target !== 'x86_64' || arch !== 'x64' || Number(glibc.split('.')[1]) < 30) return;
    // On this machine, outside of any sandbox.
    assert.equal(spawnSync('tar', ['-xzf', archive], { cwd: folder }).status, 0);
    writeFileSync(
      join(folder, 'one.py'),
      'import ssl, sqlite3, ctypes, platform; print(platform.libc_ver())\n',
    );
    const program = join(folder, basename(archive, '.tar.gz'), 'bin', 'isolate');
    const started = spawnSync(program, ['one.py'], { cwd: folder, encoding: 'utf8', env: {} });
    assert.deepEqual([started.status, started.stdout], [0, `('glibc', '${glibc}')\n`], started.stderr);
  });
}

test('a crate links libraries of the older release beside those of its Python, each with its own version of OpenSSL', {
  skip: skip || (process.arch === 'x64' ? false : 'the program is for x86-64'),
}, async (t) => {
  const folder = temporaryFolder(t, 'provision mixed ü ');
  cpSync(join(REPOSITORY, 'test', 'crates', 'mixed'), folder, { recursive: true });
  const run = await provision(['run', '--artifacts', 'out', '--frozen'], {
    ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});
