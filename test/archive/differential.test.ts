import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/cli.ts';
import { oddArchive } from '../support/odd-archives.ts';
import { compareUnpackers, type Verdict } from '../support/other-unpackers.ts';

const TRIALS = Number(process.env.PROVISION_TEST_TRIALS ?? 210);
const SEED = Number(process.env.PROVISION_TEST_SEED ?? 1);
const AT_ONCE = 4;

test(`of ${TRIALS} odd archives none is accepted that dpkg-deb and GNU tar refuse, or read otherwise`, async (t) => {
  const place = temporaryFolder(t);
  const verdicts: [seed: number, Verdict][] = [];
  let next = SEED;
  const work = async () => {
    while (next < SEED + TRIALS) {
      const seed = next++;
      const folder = join(place, String(seed));
      mkdirSync(folder);
      verdicts.push([seed, await compareUnpackers(folder, oddArchive(seed))]);
      await rm(folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const accepted = verdicts.filter(([, { refused }]) => refused === undefined);
  const beyond = verdicts.filter(
    ([, { refused, accepted: by }]) => refused !== undefined && by.includes('dpkg-deb'),
  );
  t.diagnostic(`accepted ${accepted.length}, refused ${verdicts.length - accepted.length}`);
  for (const [why, count] of reasons(beyond)) t.diagnostic(`refused beyond dpkg-deb, ${count} times: ${why}`);
  assert.deepEqual(
    accepted.filter(([, { accepted: by }]) => !by.includes('dpkg-deb')).map(([seed]) => seed),
    [],
    'accepted by us alone',
  );
  assert.deepEqual(
    accepted
      .filter(([, { differences }]) => differences.length > 0)
      .map(([seed, { differences }]) => [seed, differences]),
    [],
    'read otherwise',
  );
  // Neither refuses all: the archives are odd, not noise.
  assert.ok(
    accepted.length > TRIALS / 6 && beyond.length < TRIALS / 2,
    `${accepted.length}, ${beyond.length}`,
  );
});

function reasons(verdicts: readonly [number, Verdict][]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const [, { refused, why }] of verdicts) {
    const reason = `${refused}: ${why.replace(/"(\\.|[^"\\])*"/g, '…')}`;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}
