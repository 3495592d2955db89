import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../support/cli.ts';
import { assertSection } from './generated.ts';
import { pythonsTable, stableAbiTable } from './pythons-table.ts';
import { targetRows, targetsTable } from './targets-table.ts';

test('the README has a line for every shipped recipe, as the definitions have it', async () => {
  assertSection(join(REPOSITORY, 'README.md'), 'targets', targetsTable(await targetRows()));
});

test('the README has a line for every run that was measured', () => {
  assertSection(join(REPOSITORY, 'README.md'), 'pythons', pythonsTable());
});

test('docs/own-crate.md has a line for every version that one program was run with', () => {
  assertSection(join(REPOSITORY, 'docs', 'own-crate.md'), 'stable-abi', stableAbiTable());
});
