// CPython on the oldest glibc that is packaged. Each target needs a CPython of its own, which takes long: with
// PROVISION_TEST_ALL=1 only.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const skip = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for them';
const RUNNER = JSON.stringify(join(REPOSITORY, 'runner'));

/** Target → the glibc that its program needs, and that of the system that it is tested on. */
const FLOORS = {
  x86_64: '2.30',
  aarch64: '2.30',
  armv7: '2.35',
  ppc64le: '2.35',
  riscv64: '2.39',
  s390x: '2.35',
} as const;

interface Inspected {
  readonly libc: { readonly floor: string };
  readonly python: { readonly linkage: string };
  readonly extensions: number;
  readonly libraries: { readonly brought: readonly { readonly path: string }[] };
}

const CASES = [
  ...Object.entries(FLOORS).map(([target, floor]) => ({ target, floor, linkage: 'static' })),
  ...(['x86_64', 'aarch64'] as const).map((target) => ({
    target,
    floor: FLOORS[target],
    linkage: 'dynamic',
  })),
];

for (const { target, floor, linkage } of CASES) {
  test(`a program for ${target} (${linkage}) starts with glibc ${floor}, and its samples are equal on the oldest system`, {
    skip,
  }, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(
      join(folder, 'portable.yaml'),
      `schema: 1\ndescription: Older systems.\ntarget: ${target}\npython: {from: source, linkage: ${linkage}}\nglibc: "${floor}"\n` +
        `project: {path: ${RUNNER}, bin: isolate}\nsamples: {path: ${JSON.stringify(join(REPOSITORY, 'runner', 'samples'))}}\n`,
    );
    const run = await provision(['run', './portable.yaml', '--artifacts', 'out'], {
      ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 90 * 60_000 },
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const { totals } = JSON.parse(readFileSync(join(folder, 'out', 'report.json'), 'utf8')) as {
      readonly totals: { readonly samples: number; readonly passed: number; readonly skipped: number };
    };
    assert.equal(totals.passed + totals.skipped, totals.samples);
    assert.ok(totals.passed > 60);
    const archive = readdirSync(join(folder, 'out')).find((name) => name.endsWith('.tar.gz')) as string;
    const inspected = await provision(['inspect', join(folder, 'out', archive), '--json']);
    const { libc, python, extensions, libraries } = JSON.parse(inspected.stdout) as Inspected;
    assert.equal(libc.floor, floor);
    assert.equal(python.linkage, linkage);
    const shared = libraries.brought.map(({ path }) => path).filter((path) => path.includes('libpython'));
    assert.deepEqual(shared, linkage === 'static' ? [] : ['lib/libpython3.13.so.1.0']);
    assert.ok(linkage === 'static' ? extensions === 0 : extensions > 50, `${extensions} extension modules`);
    const mine = process.report.getReport() as { header: { arch: string; glibcVersionRuntime?: string } };
    const { arch, glibcVersionRuntime: glibc = '2.0' } = mine.header;
    if (target !== 'x86_64' || arch !== 'x64' || Number(glibc.split('.')[1]) < 30) return;
    // On this machine, outside of any sandbox.
    assert.equal(spawnSync('tar', ['-xzf', join(folder, 'out', archive)], { cwd: folder }).status, 0);
    writeFileSync(
      join(folder, 'one.py'),
      'import ssl, sqlite3, ctypes, platform; print(platform.libc_ver())\n',
    );
    const program = join(folder, archive.replace(/\.tar\.gz$/, ''), 'bin', 'isolate');
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
