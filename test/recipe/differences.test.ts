import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { isFromSource } from '../../src/domain/definitions.ts';
import { formNames, libcNames } from '../../src/recipe/folders.ts';
import { loadAllAxes } from '../../src/recipe/points.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY } from '../support/cli.ts';

async function toldOf(recipe: string): Promise<readonly string[]> {
  const resolved = await resolveRecipe({ home: REPOSITORY, cwd: REPOSITORY }, recipe);
  assert.ok(resolved.ok && isFromSource(resolved.value.sysroot), recipe);
  return resolved.value.sysroot.source.differences.map(({ what }) => what);
}

test('a difference can be that of a target, of a kind of C library, or of one C library', async () => {
  const native = await toldOf('native');
  const musl = await toldOf('musl');
  const older = 'what newer versions of glibc have';
  const all = 'no database modules of C';
  const own = 'functions that musl does not have';
  assert.deepEqual([native.includes(older), native.includes(all), native.includes(own)], [true, true, false]);
  assert.deepEqual([musl.includes(older), musl.includes(all), musl.includes(own)], [false, true, true]);
});

test('what differences apply to exists', async () => {
  const axes = await loadAllAxes(REPOSITORY);
  assert.ok(axes.ok);
  const { targets } = axes.value;
  const places = new Set([
    ...targets.flatMap(({ name, libc }) => [name, libc] as readonly string[]),
    ...libcNames(REPOSITORY),
    ...formNames(REPOSITORY).flatMap((form) => [form, ...targets.map(({ name }) => `${form}/${name}`)]),
  ]);
  for (const python of ['cpython-3.11', 'cpython-3.13']) {
    const file = join(REPOSITORY, 'pythons', python, 'differences.yaml');
    const { known } = parse(readFileSync(file, 'utf8')) as { known: readonly { on: readonly string[] }[] };
    const unknown = known.flatMap(({ on }) => on).filter((name) => !places.has(name));
    assert.deepEqual(unknown, [], python);
  }
});
