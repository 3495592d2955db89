import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyProject } from '../../src/bench/project-copy.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

test('a bench measures the recipe that was named: its copy builds the same, and runs on the same systems', async (t) => {
  const [cwd, home] = [temporaryFolder(t), join(temporaryFolder(t), 'copy')];
  put(cwd, {
    'Cargo.toml':
      '[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n[features]\nloud = []\n[profile.quick]\ninherits = "release"\n',
    'src/main.rs': 'fn main() {}\n',
    'samples/a.py': 'print(1)\n',
    'provision.yaml': `schema: 1
extends: x86_64
python: {from: source, linkage: static}
project: {profile: quick, features: [loud], default-features: false, env: {GREETING: hello}}
samples: {path: samples, timeout: 7}
rust: host
optimization: lto
allocator: malloc
glibc: "2.31"
systems: [debian-12]
host: false
`,
  });
  mkdirSync(home);
  const named = await resolveRecipe({ home: REPOSITORY, cwd, machine: 'x86_64' }, undefined);
  assert.ok(named.ok, JSON.stringify(named));
  const file = await copyProject(named.value.recipe, home);
  const copied = await resolveRecipe({ home: REPOSITORY, cwd: home, machine: 'x86_64' }, file);
  assert.ok(copied.ok, JSON.stringify(copied));
  const seen = ({ recipe, sysroot }: typeof named.value) => {
    const { folder, root, ...project } = recipe.project;
    const { name, file, description, samples, pythonFrom, pythonLinkage, ...rest } = recipe;
    return { ...rest, project, sysroot: sysroot.name, timeout: samples.timeoutSeconds };
  };
  assert.deepEqual(seen(copied.value), seen(named.value));
});
