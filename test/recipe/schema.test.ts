import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { definitionFiles } from '../../src/recipe/definitions.ts';
import { FILE_KINDS, jsonSchemaOf, recipeJsonSchema } from '../../src/recipe/json-schema.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { referencePage } from '../../src/recipe/reference-page.ts';
import {
  DEFAULTS,
  IMAGE,
  LIBC,
  PYTHON,
  RECIPE,
  SYSROOT,
  SYSTEM,
  TARGET,
} from '../support/definitions-home.ts';
import { assertGolden } from '../support/golden.ts';

const HOME = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function yamlIn(folder: string): readonly string[] {
  return readdirSync(join(HOME, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(HOME, folder, name));
}

function below(folder: string, name: string): readonly string[] {
  return readdirSync(join(HOME, folder))
    .map((one) => join(HOME, folder, one, name))
    .filter((file) => existsSync(file));
}

/** The files of each kind that come with provision. */
const SHIPPED: Readonly<Record<string, readonly string[]>> = {
  'shipped recipe': yamlIn('recipes').filter((file) => basename(file) !== 'defaults.yaml'),
  'recipe defaults': yamlIn('recipes').filter((file) => basename(file) === 'defaults.yaml'),
  target: yamlIn('targets'),
  'C library': yamlIn('targets/libc'),
  system: yamlIn('systems'),
  Python: below('pythons', 'python.yaml'),
  bindings: yamlIn('pythons/bindings'),
  image: [...below('docker', 'image.yaml'), ...yamlIn('pythons')],
  sysroot: below('sysroots', 'sysroot.yaml'),
  library: yamlIn('libraries'),
  runtime: below('runtimes', 'runtime.yaml'),
  conformance: below('pythons', 'conformance.yaml'),
  differences: below('pythons', 'differences.yaml'),
  causes: below('pythons', 'causes.yaml'),
  profile: below('pythons', 'profile.yaml'),
  tiers: yamlIn('tiers'),
};
const LIBRARY = `schema: 1
description: Does one thing.
source: thing
license: MIT
build: make
`;
const RUNTIME = `schema: 1
description: Runs modules.
version: 1.2.3
project: engine
wheels:
  far64: {sha256: ${'a'.repeat(64)}, library: engine/libengine.so}
launcher: launcher.c
`;
const CONFORMANCE = `schema: 1
description: The tests of CPython.
modules: [test_grammar]
known:
  - test: test.test_grammar.*
    on: [far]
    reason: It is far.
`;
const DIFFERENCES = `schema: 1
description: It is otherwise.
known:
  - what: no far calls
    names: [name:os.far]
    on: [far]
    reason: It is near.
`;
const CAUSES = `schema: 1
description: It is another implementation.
crash: ["^panicked at (.*)"]
module: ["^No module named '(.+)'"]
text:
  - {id: addresses, what: Addresses differ, pattern: "0x[0-9a-f]+", with: "0x0"}
causes:
  - id: frames
    what: Frames are others
    when: ["^[+-].*frame"]
`;
const PROFILE = `schema: 1
description: What runs how often.
sysroot: near
training: training.py
compiler: "1.2.3"
inputs: ${'a'.repeat(64)}
counts: {file: counts.br, sha256: ${'b'.repeat(64)}, functions: 3}
`;
const EXTENDING = `schema: 1
extends: far
`;
const EXAMPLE: Readonly<Record<string, string>> = {
  recipe: RECIPE,
  'shipped recipe': 'schema: 1\ndescription: It differs.\ntarget: far\n',
  'recipe defaults': DEFAULTS,
  'extending recipe': EXTENDING,
  target: TARGET,
  'C library': LIBC,
  system: SYSTEM,
  Python: PYTHON,
  bindings: 'schema: 1\ndescription: Of PyO3.\nreleases:\n  "0.30": {oldest: "3.9", newest: "3.15"}\n',
  image: IMAGE,
  sysroot: SYSROOT,
  library: LIBRARY,
  runtime: RUNTIME,
  conformance: CONFORMANCE,
  differences: DIFFERENCES,
  causes: CAUSES,
  profile: PROFILE,
  tiers:
    'schema: 1\ndescription: Ways.\nworkloads: {one: {script: one.py, variable: N, rounds: [1, 2]}}\ntiers: {far: {description: Far., recipe: far}}\n',
};

for (const kind of FILE_KINDS) {
  test(`${kind.schemaFile} is generated from the schema`, () => {
    assertGolden(join(HOME, kind.schemaFile), `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`);
  });

  test(`the editor schema accepts every shipped ${kind.noun}, and rejects unknown keys`, () => {
    const validate = new Ajv({ allErrors: true }).compile(jsonSchemaOf(kind));
    const files = SHIPPED[kind.noun] ?? [];
    // Recipes for a crate come with the crate.
    assert.ok(files.length > 0 || ['recipe', 'extending recipe'].includes(kind.noun), 'none found');
    const texts = [EXAMPLE[kind.noun] as string, ...files.map((file) => readFileSync(file, 'utf8'))];
    for (const [i, text] of texts.entries()) {
      const value = parse(text);
      assert.ok(validate(value), `${files[i - 1]}: ${JSON.stringify(validate.errors)}`);
      assert.ok(!validate({ ...value, zzzzzz: 1 }), 'an unknown key is accepted');
      assert.ok(!validate({ ...value, schema: 2 }), 'another schema is accepted');
    }
  });
}

test('docs/recipe-reference.md is generated from the schemas, and every key has a description', () => {
  const page = referencePage();
  assertGolden(join(HOME, 'docs', 'recipe-reference.md'), page);
  assert.deepEqual(
    page.split('\n').filter((line) => line.startsWith('| `') && / \| \|$/.test(line)),
    [],
  );
});

test('the JSON Schema of recipes is that of the editor file', () => {
  assert.deepEqual(recipeJsonSchema(), JSON.parse(readFileSync(join(HOME, 'recipes/schema.json'), 'utf8')));
});

test('every shipped recipe resolves', async () => {
  const recipes = await listRecipes(HOME);
  assert.ok(recipes.ok, JSON.stringify(recipes));
  assert.ok(recipes.value.length > 0, 'none found');
  for (const { name } of recipes.value) {
    const resolved = await resolveRecipe({ home: HOME, cwd: HOME }, name);
    assert.ok(resolved.ok, `${name}: ${JSON.stringify(resolved, null, 1)}`);
  }
});

test('every shipped definition names its schema for editors', () => {
  for (const kind of FILE_KINDS) {
    for (const file of SHIPPED[kind.noun] ?? []) {
      const [first = ''] = readFileSync(file, 'utf8').split('\n');
      const schema = /^# yaml-language-server: \$schema=(.*)$/.exec(first)?.[1];
      assert.equal(join(dirname(file), schema ?? ''), join(HOME, kind.schemaFile), file);
    }
  }
});

test('every shipped target and definition loads', async () => {
  const definitions = await definitionFiles(HOME);
  assert.ok(definitions.ok && definitions.value.length > 0, JSON.stringify(definitions));
  for (const { file, load } of definitions.value) {
    const definition = await load();
    assert.ok(definition.ok, `${file.id}: ${JSON.stringify(definition)}`);
  }
});
