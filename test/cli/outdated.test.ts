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

test('something newer is exit code 3, as of locks, with a code of its own; nothing newer is no failure', () => {
  const { failure } = outcomeOf(reportOf([NEWER]));
  assert.ok(failure !== undefined);
  assert.deepEqual([failure.code, exitCodeOf(failure)], ['lock/outdated', 3]);
  assert.equal(outcomeOf(reportOf([])).failure, undefined);
});
