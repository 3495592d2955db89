// Cargo's profiles over the targets: every cell is built, delivered and run, with Python and without. The gate has some;
// `PROVISION_TEST_ALL=1` runs all of them, `PROVISION_TEST_CELLS=musl size,packed plain` those whose names contain one of these.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
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
  { recipe: 'aarch64', profile: 'abort-thin', bin: 'embed' },
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
  if (WORDS !== undefined) return ALL.filter((cell) => WORDS.some((word) => nameOf(cell).includes(word)));
  return process.env.PROVISION_TEST_ALL === '1' ? ALL : REPRESENTATIVE;
}

for (const cell of chosen()) {
  test(`${nameOf(cell)}: built, delivered, run`, async () => {
    const wrong = await runCell(crates, cell, { store: SHARED_STORE, timeoutMs: 40 * 60_000 });
    assert.deepEqual(wrong, []);
  });
}
