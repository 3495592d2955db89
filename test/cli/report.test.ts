import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, temporaryFolder } from '../support/cli.ts';
import { writeArtifacts } from '../support/page-artifacts.ts';

test('report writes the page of the artifacts below a folder and prints its path and recipes', async (t) => {
  const folder = temporaryFolder(t, 'provision report ü ');
  writeArtifacts(join(folder, 'artifacts'));
  const run = await provision(['report'], { cwd: folder });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /^artifacts\/report\.html: 2 recipes, /);
  assert.ok(existsSync(join(folder, 'artifacts', 'report.html')));
  const one = await provision(['report', 'artifacts/far', '--json'], { cwd: folder });
  const { file, recipes } = JSON.parse(one.stdout) as { file: string; recipes: readonly string[] };
  assert.deepEqual([file, recipes], ['artifacts/far/report.html', ['far']]);
});

test('report without artifacts is a usage error', async (t) => {
  const run = await provision(['report'], { cwd: temporaryFolder(t) });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /usage\/no-artifacts/);
});
