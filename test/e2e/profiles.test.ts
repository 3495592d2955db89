// Cargo's profiles over the targets: every cell is built, delivered and run, with Python and without. The gate has some;
// `PROVISION_TEST_ALL=1` runs all of them, `PROVISION_TEST_CELLS=musl size,packed plain` those whose names contain one of these.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { type Cell, type Crates, PROFILES, RECIPES, runCell } from '../support/profile-matrix.ts';

let crates: Crates;

before(() => {
  const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision profiles ü ');
  crates = { own: join(folder, 'crate'), runner: join(folder, 'runner') };
  cpSync(join(REPOSITORY, 'test', 'crates', 'profiles'), crates.own, { recursive: true });
  cpSync(join(REPOSITORY, 'runner'), crates.runner, { recursive: true });
  const profiles = readFileSync(join(crates.own, 'Cargo.toml'), 'utf8').replace(
    /^(?:.*\n)*?(?=\[profile\.)/,
    '',
  );
  const manifest = join(crates.runner, 'Cargo.toml');
  writeFileSync(manifest, `${readFileSync(manifest, 'utf8')}\n${profiles}`);
});

/** The points that were wrong, and what differs most from the release profile that everything else is tested with. */
const REPRESENTATIVE: readonly Cell[] = [
  { recipe: 'musl', profile: 'abort-fat', bin: 'embed' },
  { recipe: 'musl', profile: 'unwind-fat', bin: 'plain' },
  { recipe: 'wasm32-wasip1', profile: 'size', bin: 'embed' },
];

const ALL: readonly Cell[] = RECIPES.flatMap((recipe) =>
  Object.keys(PROFILES).flatMap((profile) =>
    (['embed', 'plain'] as const)
      // A snapshot is one of an interpreter.
      .filter((bin) => bin === 'embed' || !recipe.endsWith('-snapshot'))
      .map((bin) => ({ recipe, profile, bin })),
  ),
);

const WORDS = process.env.PROVISION_TEST_CELLS?.split(',').filter((word) => word !== '');

function nameOf({ recipe, profile, bin }: Cell): string {
  return `${recipe} ${profile} ${bin}`;
}

function chosen(): readonly Cell[] {
  if (WORDS === undefined) return process.env.PROVISION_TEST_ALL === '1' ? ALL : REPRESENTATIVE;
  return ALL.filter((cell) => WORDS.some((word) => ` ${nameOf(cell)}`.includes(` ${word}`)));
}

for (const cell of chosen()) {
  test(`${nameOf(cell)}: built, delivered, run`, async () => {
    const wrong = await runCell(crates, cell, { store: SHARED_STORE, timeoutMs: 40 * 60_000 });
    assert.deepEqual(wrong, []);
  });
}

const FAULTS = { skip: WORDS !== undefined && 'cells were selected' };

test('what a profile cannot be is named, and what is printed as its cure cures it', FAULTS, async (t) => {
  const crate = join(temporaryFolder(t, 'provision faults ü '), 'crate');
  cpSync(crates.own, crate, { recursive: true });
  const [recipe, manifest] = [join(crate, 'provision.yaml'), join(crate, 'Cargo.toml')];
  const choose = (profile: string): void => {
    const project = `{bin: plain, profile: ${profile}, default-features: false}`;
    writeFileSync(recipe, `schema: 1\nextends: aarch64\nproject: ${project}\nsamples: {path: samples}\n`);
  };
  const run = async () => {
    const ran = await provision(['run'], { cwd: crate, store: SHARED_STORE });
    const report = readFileSync(join(crate, 'artifacts', 'aarch64', 'report.json'), 'utf8');
    const { blockers } = JSON.parse(report) as { blockers: readonly { code: string; cure: string }[] };
    return { status: ran.status, stderr: ran.stderr, blockers };
  };
  const cured = async (code: string): Promise<void> => {
    const { blockers, stderr, status } = await run();
    assert.notEqual(status, 0);
    assert.deepEqual(
      blockers.map((blocker) => blocker.code),
      [code],
      stderr,
    );
    const cure = blockers[0]?.cure as string;
    const applied = spawnSync('sh', ['-c', cure], { cwd: crate, encoding: 'utf8' });
    assert.equal(applied.status, 0, `${cure}\n${applied.stderr}`);
  };
  choose('debug');
  const asked = 'cargo-features = ["panic-immediate-abort"]\n';
  const profile =
    '\n[profile.immediate]\ninherits = "release"\npanic = "immediate-abort"\ntrim-paths = "all"\n';
  writeFileSync(manifest, `${asked}${readFileSync(manifest, 'utf8')}${profile}`);
  await cured('panic-immediate-abort');
  await cured('unstable-cargo-feature');
  await cured('profile-debug');
  choose('fastest');
  await cured('profile-not-defined');
  const { status, blockers, stderr } = await run();
  assert.deepEqual([status, blockers], [0, []], stderr);
});
