// From the plain cargo build, step by step, to running samples: real toolchain, real blockers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Blocker, Ladder } from '../../src/domain/blocker.ts';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { ownCopyOfRunner } from '../support/project.ts';

function read<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

test('each step of the ladder for aarch64 fixes the previous blocker, until the sample runs', async (t) => {
  const place = temporaryFolder(t, 'provision probe ü ');
  writeFileSync(join(place, 'one.py'), 'import sys\nprint("one", sys.version_info[:2])\n');
  const args = ['probe', 'aarch64', '--ladder', '--samples', 'one.py'];
  const run = await provision(args, { cwd: place, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const artifacts = join(place, 'artifacts', 'aarch64');
  const ladder = read<Ladder>(join(artifacts, 'ladder.json'));
  assert.equal(ladder.outcome, 'runs');
  assert.deepEqual(ladder.totals, { samples: 1, passed: 1, failed: 0, skipped: 0 });
  const fixed = ladder.steps.flatMap(({ name, cures }) => (cures === undefined ? [] : [[name, cures]]));
  // Where the kernel runs programs of other architectures (binfmt_misc), no emulator has to be added.
  const emulated = fixed.filter(([name]) => name !== 'emulator');
  assert.deepEqual(emulated, [
    ['target-std', 'missing-target-std'],
    ['pyo3', 'pyo3-cross-version'],
    ['linker', 'missing-cross-linker'],
    ['libc', 'missing-target-libc'],
    ['libpython', 'libpython-not-found'],
    ['link-libraries', 'undefined-python-libraries'],
    ['rootfs', 'elf-interpreter'],
    ['stdlib', 'no-encodings'],
  ]);
  const emulator = fixed.find(([name]) => name === 'emulator');
  if (emulator !== undefined) assert.equal(emulator[1], 'no-emulator');
  assert.deepEqual(ladder.steps[0]?.adds, []);
  for (const { blocker } of ladder.steps) {
    if (blocker === undefined) continue;
    const complete = read<Blocker>(join(artifacts, blocker.file));
    assert.ok(existsSync(join(artifacts, blocker.log)), blocker.log);
    assert.equal(complete.code, blocker.code);
    assert.ok(complete.versions.rustc?.startsWith('1.'), JSON.stringify(complete.versions));
  }
  const first = read<Blocker>(join(artifacts, 'probe', 'missing-target-std.json'));
  assert.equal(first.cure, 'rustup target add aarch64-unknown-linux-gnu');
  assert.equal(first.command?.env.PYO3_CROSS, undefined, 'nothing was provisioned');
  assert.match(readFileSync(join(artifacts, 'ladder.md'), 'utf8'), /\| 1 \| \+ Rust's standard library/);
  assert.ok(run.stdout.split('\n').at(-2)?.startsWith('Runs on aarch64-unknown-linux-gnu after '));
});

test('probe without cargo on PATH uses the Rust of the image and keeps the blockers of the last run', async (t) => {
  const { place, recipe } = ownCopyOfRunner(t);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const bare = spawnSync('sh', ['-c', 'command -v cargo'], { env }).status !== 0;
  const run = await provision(['probe', recipe, ...(bare ? [] : ['--rust', 'image']), '--json'], {
    cwd: place,
    store: SHARED_STORE,
    env,
  });
  assert.equal(run.status, 0, run.stderr);
  const { blockers } = JSON.parse(run.stdout) as { blockers: { code: string }[] };
  assert.deepEqual(
    blockers.map(({ code }) => code),
    ['missing-target-std'],
  );
  const artifacts = join(place, 'artifacts', 'mine');
  assert.ok(existsSync(join(artifacts, 'probe.sarif')));
  // A failing build: exit code 6, with the blocker in the report and in a file.
  const manifest = join(place, 'crate', 'Cargo.toml');
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace('[dependencies]', '[dependencies]\nmemchr = "2"'),
  );
  const failed = await provision([recipe], { cwd: place, store: SHARED_STORE });
  assert.equal(failed.status, 6, failed.stdout + failed.stderr);
  const report = read<{ status: string; blockers: { code: string; file: string }[] }>(
    join(artifacts, 'report.json'),
  );
  assert.equal(report.status, 'blocked');
  assert.deepEqual(
    report.blockers.map(({ code }) => code),
    ['crate-not-in-lock'],
  );
  const blocker = read<Blocker>(join(artifacts, report.blockers[0]?.file as string));
  assert.match(blocker.lines.join('\n'), /the lock file .* --locked was passed/);
  assert.match(failed.stderr, /\[crate-not-in-lock\]/);
  assert.ok(existsSync(join(artifacts, 'probe', 'missing-target-std.json')), 'what the probe found stays');
});
