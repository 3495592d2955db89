// What a recipe adds to its toolchain: which packages are asked for, and when the lock of them is stale.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageWith } from '../../src/diagnose/read-catalogue.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { buildEnv } from '../../src/env/env.ts';
import type { Failure } from '../../src/failure.ts';
import { toolsOn } from '../../src/lock/additions.ts';
import { definitionChecksum } from '../../src/lock/checksum.ts';
import { formatLock } from '../../src/lock/lockfile.ts';
import { readLocks, toolchainPackages } from '../../src/pipeline/trees.ts';
import { locatePackages } from '../../src/recipe/locate-failure.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const PERL: LockedPackage = {
  ...{ name: 'perl', version: '5.40.1-6', architecture: 'amd64', path: 'pool/main/p/perl/perl.deb' },
  ...{ digest: `sha256:${'1'.repeat(64)}`, size: 1 },
};

async function resolved(folder: string, machine = 'x86_64') {
  const lookup = { home: REPOSITORY, cwd: folder, machine };
  const recipe = await resolveRecipe(lookup, undefined);
  assert.ok(recipe.ok, JSON.stringify(recipe));
  return recipe.value;
}

function crate(t: Parameters<typeof temporaryFolder>[0], toolchain: string): string {
  const folder = temporaryFolder(t, 'provision tools ü ');
  put(folder, {
    'Cargo.toml': '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "small"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\nextends: aarch64\ntoolchain: ${toolchain}\npython: {from: packages}\n`,
  });
  return folder;
}

test('packages added to a toolchain have a lock of their own beside the recipe, one for each machine', async (t) => {
  const folder = crate(t, '{packages: [perl]}');
  const recipe = await resolved(folder);
  assert.deepEqual(recipe.tools?.packages, ['perl']);
  assert.equal(recipe.tools?.file.lockFile, join(folder, 'provision.llvm-amd64.lock'));
  const other = await resolved(folder, 'aarch64');
  assert.equal(other.tools?.file.lockFile, join(folder, 'provision.llvm-arm64.lock'));
  // The image's own lock serves as it is.
  assert.equal(recipe.files.toolchain.lockFile, join(REPOSITORY, 'docker/llvm/image.amd64.lock'));
  const missing = await readLocks(recipe);
  assert.ok(!missing.ok);
  assert.equal(missing.error.code, 'lock/missing');
  assert.deepEqual(missing.error.fix, ['Run `provision lock`.']);
});

test('the lock is stale once the recipe or the image asks for something else', async (t) => {
  const folder = crate(t, '{packages: [perl]}');
  const recipe = await resolved(folder);
  const image = JSON.parse(readFileSync(recipe.files.toolchain.lockFile, 'utf8'));
  const definition = toolsOn(recipe.toolchain, image, ['perl']);
  const file = recipe.tools?.file.lockFile as string;
  const lock = {
    ...({ schema: 1, definition: definitionChecksum(definition), suite: definition.suite } as const),
    ...{ resolved: '2026-01-01T00:00:00Z', sets: { rootfs: [PERL] } },
  };
  writeFileSync(file, formatLock(lock));
  const locks = await readLocks(recipe);
  assert.ok(locks.ok, JSON.stringify(locks));
  const names = toolchainPackages(locks.value).map(({ name }) => name);
  assert.ok(names.includes('perl') && names.includes('clang-19'));

  writeFileSync(
    join(folder, 'provision.yaml'),
    'schema: 1\nextends: aarch64\npython: {from: packages}\ntoolchain: {packages: [cmake]}\n',
  );
  const changed = await readLocks(await resolved(folder));
  assert.ok(!changed.ok && changed.error.code === 'lock/stale');

  // An image that is locked anew.
  const [first, ...rest] = image.sets.rootfs;
  const newer = { sets: { rootfs: [{ ...first, version: `${first.version}+1` }, ...rest] } };
  assert.notEqual(definitionChecksum(toolsOn(recipe.toolchain, newer, ['perl'])), lock.definition);
});

test('mistakes of the key are located', async (t) => {
  const named = await provision(['plan'], { cwd: crate(t, 'llvm') });
  assert.equal(named.status, 2);
  assert.match(named.stderr, /provision\.yaml:3:12/);
  const bad = await provision(['plan'], { cwd: crate(t, '{packages: ["Bad Name"]}') });
  assert.equal(bad.status, 2);
  assert.match(bad.stderr, /the name of a Debian package[\s\S]*provision\.yaml:3:24/);
});

test('a build sees the target in the variables of bindgen and CMake', async (t) => {
  const recipe = await resolved(crate(t, '{packages: [libclang1-19]}'));
  const python = {
    ...{ implementation: 'CPython', version: '3.13.5', minor: '3.13', abiflags: '', pointerWidth: 64 },
    ...{ libName: 'python3.13', libDir: 'usr/lib', stdlib: 'usr/lib/python3.13', linkage: 'dynamic' },
    ...{ sysconfigdata: '', why: '', extraLibraries: [], buildFlags: [] },
  } as unknown as Parameters<typeof buildEnv>[0]['python'];
  const toolVariables = { LIBCLANG_PATH: '/usr/lib/llvm-19/lib' };
  const env = buildEnv({ resolved: recipe, python, runtime: 'qemu-user', sourceDateEpoch: 1, toolVariables });
  const { variables, cmakeToolchain } = env;
  assert.match(
    variables.BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu ?? '',
    /^--target=aarch64-linux-gnu --sysroot=\/sysroot/,
  );
  assert.equal(variables.CMAKE_TOOLCHAIN_FILE_aarch64_unknown_linux_gnu, '/job/env/toolchain.cmake');
  assert.equal(variables.LIBCLANG_PATH, '/usr/lib/llvm-19/lib');
  assert.match(cmakeToolchain, /set\(CMAKE_C_COMPILER_TARGET "aarch64-linux-gnu"\)/);
  assert.match(cmakeToolchain, /set\(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY "ONLY"\)/);
});

test('what cannot be resolved is located in the recipe, entry by entry, with the package that has it', async (t) => {
  const folder = crate(t, '{packages: [perl, protoc, cmakee]}\nsysroot:\n  packages:\n    - zlib');
  const file = join(folder, 'provision.yaml');
  const unknown = (entry: string): Failure => ({
    ...{
      code: 'lock/unknown-package',
      entry,
      what: `There is no package "${entry}".`,
      fix: ['Did you mean it?'],
    },
  });
  const packageOf = (entry: string) => packageWith(REPOSITORY, ['missing-program'], entry);
  const tools = await locatePackages(
    { ...unknown('protoc'), also: [unknown('cmakee'), unknown('gcc')] },
    file,
    'toolchain',
    packageOf,
  );
  const place = ({ at }: Failure) => [at?.file, at?.line, at?.column];
  assert.deepEqual(place(tools), [file, 3, 30]);
  assert.equal(tools.why, '`toolchain.packages` of the recipe names it.');
  assert.deepEqual(tools.fix, ['Write `protobuf-compiler`: that package has `protoc`.']);
  const [typo, dependency] = tools.also as [Failure, Failure];
  assert.deepEqual(place(typo), [file, 3, 38]);
  assert.deepEqual(typo.fix, ['Did you mean it?']);
  // Not an entry of the recipe's: the list, and what apt says.
  assert.deepEqual(place(dependency), [file, 3, 13]);
  assert.equal(dependency.why, undefined);
  const sysroot = await locatePackages(unknown('zlib'), file, 'sysroot', () => undefined);
  assert.deepEqual(place(sysroot), [file, 6, 7]);
  assert.equal(sysroot.why, '`sysroot.packages` of the recipe names it.');
});
