// Offering one more target, Python, image or variant takes no code, and no more files than CONTRIBUTING lists.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Resolved } from '../../src/domain/definitions.ts';
import { readLocks } from '../../src/pipeline/trees.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { definitionFiles } from '../../src/recipe/definitions.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { copyOfTool, provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';

const DATA = ['targets', 'pythons', 'docker', 'sysroots', 'systems', 'libraries', 'recipes', 'runtimes'];
const HOST = { machine: 'x86_64', platform: 'linux' };

function put(home: string, file: string, text: string): void {
  mkdirSync(dirname(join(home, file)), { recursive: true });
  writeFileSync(join(home, file), text);
}

/** Files that are new in a catalogue, and lines that are new in a file that was there. */
function added(home: string): { readonly files: readonly string[]; readonly lines: number } {
  const files = (root: string): readonly string[] =>
    DATA.flatMap((part) =>
      readdirSync(join(root, part), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
    );
  const before = files(REPOSITORY);
  const lines = (root: string, file: string): number =>
    readFileSync(join(root, file), 'utf8').split('\n').length;
  return {
    files: files(home).filter((file) => !before.includes(file)),
    lines: before.reduce((sum, file) => sum + lines(home, file) - lines(REPOSITORY, file), 0),
  };
}

async function resolved(home: string, asked: string): Promise<Resolved> {
  const result = await resolveRecipe({ home, cwd: home, machine: 'x86_64' }, asked);
  assert.ok(result.ok, JSON.stringify(result, null, 1));
  return result.value;
}

async function ids(home: string): Promise<readonly string[]> {
  const files = await definitionFiles(home);
  assert.ok(files.ok, JSON.stringify(files));
  return files.value.map(({ file }) => file.id);
}

/** Locks that are named in a catalogue and not in the one that comes with provision. */
async function newLocks(home: string): Promise<readonly string[]> {
  const before = await ids(REPOSITORY);
  return (await ids(home)).filter((id) => !before.includes(id));
}

/** The failure of `provision lock --frozen` for a definition, and that of a run. */
async function missing(home: string, recipe: string, id: string): Promise<void> {
  const locks = await readLocks(await resolved(home, recipe));
  assert.ok(!locks.ok);
  const command = locks.error.fix.join(' ');
  assert.match(command, /^Run `provision lock (docker|sysroots|pythons)\//);
  const run = await provision(['lock', id, '--frozen'], { home });
  assert.equal(run.status, 3, run.stderr);
  assert.ok(run.stderr.includes(`provision lock ${id}`), run.stderr);
}

test('a new architecture takes one file: its recipe is listed and planned, its missing locks are named', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  put(
    home,
    'targets/i686-unknown-linux-gnu.yaml',
    `schema: 1
description: 32-bit x86 with the GNU C library.
name: i686
tier: 3
clang-triple: i686-linux-gnu
multiarch: i386-linux-gnu
debian-arch: i386
oci-platform: linux/386
machine: i686
pointer-width: 32
elf: {machine: Intel 80386, number: 3, interpreter: /lib/ld-linux.so.2}
libc: glibc-2.41
runtime: qemu-user
emulator: {program: qemu-i386}
`,
  );
  assert.deepEqual(added(home), { files: ['targets/i686-unknown-linux-gnu.yaml'], lines: 0 });
  const listed = await listRecipes(home);
  assert.ok(listed.ok && listed.value.some(({ name }) => name === 'i686'));
  const own = await resolved(home, 'i686');
  assert.equal(own.sysroot.sysroot.architecture, 'i386');
  assert.deepEqual(own.rustStd, own.toolchain.rustStd.i686);
  assert.ok(own.toolchain.rootfs.exclude.includes('!usr/bin/qemu-i386'), 'its emulator is kept');
  assert.equal(makePlan(own, HOST).runtime, 'qemu-user');
  const id = 'sysroots/packaged/cpython-3.13/i686';
  assert.deepEqual(
    await newLocks(home),
    ['3.15', '3.14', '3.13'].map((version) => `sysroots/packaged/cpython-${version}/i686`),
  );
  await missing(home, 'i686', id);
  // Whoever does not build for it needs no other lock than before.
  const other = await readLocks(await resolved(home, 'aarch64'));
  assert.ok(other.ok, JSON.stringify(other));
});

test('a new version of CPython takes one folder: it is planned where a recipe names it, by default where the crate compiles for it', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  put(
    home,
    'pythons/cpython-3.16/python.yaml',
    `schema: 1
description: CPython 3.16, as Debian's next release has it.
implementation: CPython
version: "3.16"
suite: forky
forms:
  packaged: {glibc: "2.38"}
`,
  );
  assert.deepEqual(added(home), { files: ['pythons/cpython-3.16/python.yaml'], lines: 0 });
  const lines = (word: string) => [
    'extends: aarch64',
    `python: {version: "${word}"}`,
    'project: {path: runner}',
  ];
  for (const word of ['3.13', '3.16']) put(home, `${word}.yaml`, `schema: 1\n${lines(word).join('\n')}\n`);
  // The runner's PyO3 is not made for it, and takes it with a warning.
  assert.equal((await resolved(home, 'riscv64')).sysroot.python.version, '3.13');
  put(home, 'other/Cargo.toml', '[package]\nname = "other"\nversion = "1.0.0"\n');
  put(home, 'other/src/main.rs', 'fn main() {}\n');
  put(home, 'other.yaml', 'schema: 1\nextends: riscv64\nproject: {path: other}\n');
  for (const recipe of ['./other.yaml', './3.16.yaml']) {
    const own = await resolved(home, recipe);
    assert.deepEqual(
      [own.sysroot.suite, own.reference.suite, own.sysroot.python.version],
      ['forky', 'forky', '3.16'],
    );
    assert.equal(own.reference.tools.python, 'python3.16');
    assert.ok(own.sysroot.sysroot.packages.includes('libpython3.16-dev'));
    assert.ok(JSON.stringify(makePlan(own, HOST).stages).includes('CPython 3.16'));
  }
  // It does not come from source: what does stays as it was, and is the default where it starts with an older glibc.
  for (const recipe of ['native', 'aarch64'])
    assert.equal((await resolved(home, recipe)).sysroot.python.version, '3.13');
  const named = await resolved(home, './3.13.yaml');
  assert.equal(named.sysroot.name, 'portable-gnu/cpython-3.13/aarch64');
  const locks = await newLocks(home);
  const ofPython = [
    ...['amd64', 'arm64', 'armhf', 's390x'].map((name) => `pythons/cpython-3.16/reference/${name}`),
    'pythons/cpython-3.16/tests/amd64',
  ];
  assert.deepEqual(locks.slice(0, ofPython.length), ofPython);
  assert.ok(locks.slice(ofPython.length).every((id) => id.startsWith('sysroots/packaged/cpython-3.16/')));
  await missing(home, './other.yaml', 'sysroots/packaged/cpython-3.16/riscv64');
});

test('a new image takes one file: it is planned where a recipe names it, its missing locks are named', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  put(
    home,
    'docker/llvm-own/image.yaml',
    `schema: 1
extends: llvm
description: The llvm image of Debian's next release.
suite: forky
`,
  );
  assert.deepEqual(added(home), { files: ['docker/llvm-own/image.yaml'], lines: 0 });
  put(
    home,
    'next.yaml',
    'schema: 1\ndescription: X.\ntarget: riscv64\ntoolchain: llvm-own\nproject: {path: runner, bin: isolate}\nsamples: {path: runner/samples}\n',
  );
  const own = await resolved(home, './next.yaml');
  assert.deepEqual([own.toolchain.name, own.toolchain.suite], ['llvm-own', 'forky']);
  assert.ok(JSON.stringify(makePlan(own, HOST).stages).includes('docker/llvm-own/image.amd64.lock'));
  assert.deepEqual(await newLocks(home), ['docker/llvm-own/amd64', 'docker/llvm-own/arm64']);
  await missing(home, './next.yaml', 'docker/llvm-own/amd64');
});

test('a new variant of an interpreter takes one line, and uses the lock of the plain one', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  appendFileSync(
    join(home, 'pythons/cpython-3.13/python.yaml'),
    '  debug: {configure: [--with-pydebug], abiflags: d}\n',
  );
  assert.deepEqual(added(home), { files: [], lines: 1 });
  put(home, 'debug.yaml', 'schema: 1\nextends: native\nvariant: debug\nproject: {path: runner}\n');
  const own = await resolved(home, './debug.yaml');
  assert.deepEqual([own.sysroot.python.variant, own.sysroot.python.abiflags], ['debug', 'd']);
  const cpython = makePlan(own, HOST).stages.find(({ stage }) => stage === 'cpython');
  assert.ok(JSON.stringify(cpython?.inputs.configure).includes('--with-pydebug'));
  assert.deepEqual(await newLocks(home), []);
  const locks = await readLocks(own);
  assert.ok(locks.ok, JSON.stringify(locks));
});

test('a Rust standard library of another version than the compiler is rejected', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  const file = join(home, 'docker/llvm/image.amd64.lock');
  const text = readFileSync(file, 'utf8');
  const of = (version: string): void =>
    writeFileSync(
      file,
      text.replace(/(?<="rust-std:aarch64": \[\s*\{ "name": "libstd-rust-dev", "version": ")[^"]+/, version),
    );
  const version = /"name": "rustc", "version": "([^"]+)"/.exec(text)?.[1] as string;
  // Built again of the same source: the compiler's own.
  of(`${version}+b1`);
  const packaged = 'schema: 1\nextends: aarch64\npython: {from: packages}\nproject: {path: runner}\n';
  put(home, 'packaged.yaml', packaged);
  const same = await readLocks(await resolved(home, './packaged.yaml'));
  assert.ok(same.ok, JSON.stringify(same));
  of('1.0.0-1');
  const differs = await readLocks(await resolved(home, './packaged.yaml'));
  assert.ok(!differs.ok);
  assert.equal(differs.error.code, 'lock/rust-std-differs');
  assert.match(differs.error.fix.join(' '), /provision lock docker\/llvm\/amd64/);
  const checked = await provision(['lock', 'docker/llvm', '--frozen'], { home });
  assert.equal(checked.status, 3);
  assert.match(checked.stderr, /error\[lock\/rust-std-differs\]/);
  // Another target's is none of its business.
  assert.ok((await readLocks(await resolved(home, 'armv7'))).ok);
});

test('a library is listed after those that it is built on', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  const file = join(home, 'sysroots', 'static-musl', 'sysroot.yaml');
  const text = readFileSync(file, 'utf8');
  for (const order of ['libedit, ncurses', 'libedit']) {
    writeFileSync(file, text.replace('ncurses, libedit', order));
    const result = await resolveRecipe({ home, cwd: home, machine: 'x86_64' }, 'musl');
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'recipe/library-order');
    assert.match(result.error.what, /`libedit` is built on `ncurses`/);
    assert.equal(result.error.at?.column, 'libraries: [bzip2, libffi, libuuid, '.length + 1);
  }
});
