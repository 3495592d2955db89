import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../support/cli.ts';
import { assertSection } from './generated.ts';
import { targetRows, targetsTable } from './targets-table.ts';

test('the README has a line for every shipped recipe, as the definitions have it', async () => {
  assertSection(join(REPOSITORY, 'README.md'), 'targets', targetsTable(await targetRows()));
});
