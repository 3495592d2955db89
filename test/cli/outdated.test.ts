import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { outcomeOf } from '../../src/commands/outdated.ts';
import type { Outdated, OutdatedReport } from '../../src/domain/outdated.ts';
import { exitCodeOf } from '../../src/failure.ts';
import { PACKAGED_AARCH64, provision, temporaryFolder } from '../support/cli.ts';
import { makeElf } from '../support/elf.ts';

test('outdated refuses what it cannot compare, each with its own code', async (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'program'), makeElf({ machine: 62 }));
  writeFileSync(join(cwd, 'text'), 'no program');
  const refused = async (code: string, status: number, ...args: readonly string[]): Promise<void> => {
    const run = await provision(['outdated', ...args], { cwd, store: join(cwd, 'store') });
    assert.equal(run.status, status, run.stderr);
    assert.match(run.stderr, new RegExp(`error\\[${code}\\]`));
  };
  await refused('recipe/not-found', 2, 'no-such-recipe');
  await refused('usage/several-recipes', 2, 'musl', 'native', '--bundle', 'program');
  await refused('usage/not-a-bundle', 2, '--bundle', 'absent.tar.gz');
  await refused('usage/not-a-bundle', 2, '--bundle', 'text');
  await refused('archive/no-sbom', 4, '--bundle', 'program');
  await refused('fetch/lists-offline', 4, PACKAGED_AARCH64, '--offline');
});

const NEWER: Outdated = {
  ...{
    kind: 'distribution',
    name: 'openssl',
    packages: ['libssl3t64'],
    version: '3.5.1-1',
    newest: '3.5.2-1',
  },
  ...{ suite: 'trixie', shipped: true, fixes: ['CVE-2026-1'], where: ['sysroots/x/y'] },
};

function reportOf(outdated: readonly Outdated[]): OutdatedReport {
  const compared = ['sysroots/x/y'];
  return { ...{ schema: 1, compared, lists: [], outdated, gone: [] }, unknown: ['wheels: no index'] };
}

test('no line is wider than the terminal: what has no room in a row stands below it', () => {
  const where = ['x86_64', 'aarch64', 'riscv64'].map((name) => `sysroots/packaged/cpython-3.13/${name}-gnu`);
  const fixes = [1, 2, 3, 4, 5].map((number) => `CVE-2026-1000${number}`);
  const long = { ...NEWER, security: '3.5.2-1+deb13u1', where, fixes };
  const report: OutdatedReport = {
    ...reportOf([long, { ...NEWER, name: 'zlib', fixes: [] }]),
    ...{
      compared: where,
      unknown: ['the changelog of openssl 3.5.2-1: the mirror does not have the file any more'],
    },
    lists: [{ suite: 'trixie', architecture: 'amd64', dated: '2026-11-29T08:00:00Z', security: {} }],
  };
  for (const columns of [60, 80, 120]) {
    const lines = outcomeOf(report, columns).text.split('\n');
    assert.deepEqual(
      lines.filter((line) => line.length > columns),
      [],
    );
    const words = (text: string): string => text.replaceAll(/\s+/g, ' ');
    assert.ok(words(lines.join(' ')).includes(`in: shipped: ${where.join(', ')} corrects: CVE-2026-10001,`));
  }
  assert.equal(
    outcomeOf(report, 80).text.split('\n').slice(0, 8).join('\n'),
    `source   version  newest   security update
openssl  3.5.1-1  3.5.2-1  3.5.2-1+deb13u1
  in: shipped: sysroots/packaged/cpython-3.13/x86_64-gnu,
    sysroots/packaged/cpython-3.13/aarch64-gnu,
    sysroots/packaged/cpython-3.13/riscv64-gnu
  corrects: CVE-2026-10001, CVE-2026-10002, CVE-2026-10003, CVE-2026-10004, 1
    more
zlib     3.5.1-1  3.5.2-1`,
  );
  // A pipe has no width: each row is one line.
  assert.match(outcomeOf(report).text, /^openssl {2}3\.5\.1-1 .* shipped: sysroots.* 1 more$/m);
});

test('something newer is exit code 3, as of locks, with a code of its own; nothing newer is no failure', () => {
  const { failure } = outcomeOf(reportOf([NEWER]));
  assert.ok(failure !== undefined);
  assert.deepEqual([failure.code, exitCodeOf(failure)], ['lock/outdated', 3]);
  assert.equal(outcomeOf(reportOf([])).failure, undefined);
});
