import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import {
  definitionFiles,
  loadDefinition,
  loadTarget,
  namesIn,
  recipeFile,
  targetFile,
} from '../../src/recipe/definitions.ts';
import { FILE_KINDS, jsonSchemaOf, recipeJsonSchema } from '../../src/recipe/json-schema.ts';
import { listRecipes, resolveRecipe } from '../../src/recipe/recipe.ts';
import { referencePage } from '../../src/recipe/reference-page.ts';
import { IMAGE, RECIPE, SYSROOT, TARGET } from '../support/definitions-home.ts';
import { assertGolden } from '../support/golden.ts';

const HOME = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The files of each kind that come with provision. */
const SHIPPED: Readonly<Record<string, readonly string[]>> = {
  recipe: namesIn(HOME, 'recipes').map((name) => recipeFile(HOME, name)),
  target: namesIn(HOME, 'targets').map((name) => targetFile(HOME, name)),
  image: definitionFiles(HOME)
    .filter(({ id }) => id.startsWith('docker/'))
    .map(({ file }) => file),
  sysroot: definitionFiles(HOME)
    .filter(({ id }) => id.startsWith('sysroots/'))
    .map(({ file }) => file),
  library: readdirSync(join(HOME, 'libraries'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(HOME, 'libraries', name)),
  runtime: readdirSync(join(HOME, 'runtimes'))
    .map((name) => join(HOME, 'runtimes', name, 'runtime.yaml'))
    .filter(existsSync),
  conformance: readdirSync(join(HOME, 'conformance'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(HOME, 'conformance', name)),
};
const LIBRARY = `schema: 1
description: Does one thing.
source: thing
build: make
`;
const RUNTIME = `schema: 1
description: Runs modules.
version: 1.2.3
wheel:
  project: engine
  sha256: ${'a'.repeat(64)}
library: engine/libengine.so
launcher: launcher.c
`;
const CONFORMANCE = `schema: 1
description: The tests of CPython.
image: tests
folder: usr/lib/test
package: libtests
modules: [test_grammar]
known:
  - test: test.test_grammar.*
    on: [far]
    reason: It is far.
`;
const EXTENDING = `schema: 1
extends: far
`;
const EXAMPLE: Readonly<Record<string, string>> = {
  recipe: RECIPE,
  'extending recipe': EXTENDING,
  target: TARGET,
  image: IMAGE,
  sysroot: SYSROOT,
  library: LIBRARY,
  runtime: RUNTIME,
  conformance: CONFORMANCE,
};

for (const kind of FILE_KINDS) {
  test(`${kind.schemaFile} is what the schema says`, () => {
    assertGolden(join(HOME, kind.schemaFile), `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`);
  });

  test(`an editor accepts every ${kind.noun} that comes with provision, and no other key`, () => {
    const validate = new Ajv({ allErrors: true }).compile(jsonSchemaOf(kind));
    const files = SHIPPED[kind.noun] ?? [];
    // A crate's own recipe comes with the crate.
    assert.ok(files.length > 0 || kind.noun === 'extending recipe', 'none found');
    const texts = [EXAMPLE[kind.noun] as string, ...files.map((file) => readFileSync(file, 'utf8'))];
    for (const [i, text] of texts.entries()) {
      const value = parse(text);
      assert.ok(validate(value), `${files[i - 1]}: ${JSON.stringify(validate.errors)}`);
      assert.ok(!validate({ ...value, zzzzzz: 1 }), 'an unknown key is accepted');
      assert.ok(!validate({ ...value, schema: 2 }), 'another schema is accepted');
    }
  });
}

test('docs/recipe-reference.md is what the schemas say, and every key has a description', () => {
  const page = referencePage();
  assertGolden(join(HOME, 'docs', 'recipe-reference.md'), page);
  assert.deepEqual(
    page.split('\n').filter((line) => line.startsWith('| `') && / \| \|$/.test(line)),
    [],
  );
});

test('the JSON Schema of a recipe is the one for editors', () => {
  assert.deepEqual(recipeJsonSchema(), JSON.parse(readFileSync(join(HOME, 'recipes/schema.json'), 'utf8')));
});

test('every recipe that comes with provision resolves, and names its schema for editors', async () => {
  const recipes = await listRecipes(HOME);
  assert.ok(recipes.ok, JSON.stringify(recipes));
  assert.ok(recipes.value.length > 0, 'none found');
  for (const { name } of recipes.value) {
    const resolved = await resolveRecipe({ home: HOME, cwd: HOME }, name);
    assert.ok(resolved.ok, `${name}: ${JSON.stringify(resolved, null, 1)}`);
    const [first] = readFileSync(recipeFile(HOME, name), 'utf8').split('\n');
    assert.equal(first, '# yaml-language-server: $schema=schema.json');
  }
});

test('every target and definition that comes with provision loads', async () => {
  const targets = await Promise.all((SHIPPED.target ?? []).map(loadTarget));
  const definitions = await Promise.all(definitionFiles(HOME).map(loadDefinition));
  assert.deepEqual(
    [...targets, ...definitions].filter((result) => !result.ok),
    [],
  );
});
