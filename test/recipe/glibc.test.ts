import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SystemDefinition } from '../../src/domain/system.ts';
import { isThere } from '../../src/exec/files.ts';
import { formatPlan } from '../../src/plan/format.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { choosePoint } from '../../src/recipe/choose-point.ts';
import { belowFloor } from '../../src/recipe/glibc.ts';
import { loadAxes } from '../../src/recipe/points.ts';
import { floorOf } from '../../src/recipe/pythons.ts';
import { openReader } from '../../src/recipe/reader.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

/** What a crate's own recipe resolves to, with the shipped definitions. */
async function resolved(t: TestContext, recipe: string, asked?: string) {
  const cwd = temporaryFolder(t);
  put(cwd, {
    'Cargo.toml': '[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n',
    'src/main.rs': 'fn main() {}\n',
  });
  mkdirSync(join(cwd, 'samples'));
  writeFileSync(join(cwd, 'provision.yaml'), `schema: 1\n${recipe}\n`);
  return resolveRecipe({ home: REPOSITORY, cwd, machine: 'x86_64' }, asked);
}

async function sysrootOf(t: TestContext, recipe: string, asked?: string): Promise<string> {
  const found = await resolved(t, recipe, asked);
  assert.ok(found.ok, JSON.stringify(found));
  return found.value.sysroot.name;
}

async function failureOf(t: TestContext, recipe: string) {
  const found = await resolved(t, recipe);
  assert.ok(!found.ok);
  const { code, fix = [], at } = found.error;
  return { code, fix: fix.join(' '), at: `${at?.line}:${at?.column}` };
}

test('where libpython comes from selects the sysroot', async (t) => {
  for (const target of ['x86_64', 'aarch64', 'armv7', 'ppc64le', 'riscv64', 's390x']) {
    const of = (from: string) => sysrootOf(t, `extends: ${target}\npython: {from: ${from}}`);
    assert.equal(await of('source'), `portable-gnu/cpython-3.13/${target}`);
    assert.equal(await of('packages'), `packaged/cpython-3.13/${target}`);
  }
  assert.match(await sysrootOf(t, 'extends: musl\npython: {from: source}'), /^static-musl\//);
});

test('glibc is refused at its line where the C library is another; the same recipe serves such a target by its name', async (t) => {
  for (const [target, library] of [
    ['musl', /their C library is musl/],
    ['wasm32-wasip1', /their C library is that of WASI/],
  ] as const) {
    const refused = await resolved(t, `extends: ${target}\nglibc: "2.31"`);
    assert.ok(!refused.ok);
    const { code, why = '', at } = refused.error;
    assert.deepEqual([code, at?.line, at?.column], ['recipe/no-glibc', 3, 8]);
    assert.match(why, library);
    const borrowed = await resolved(t, 'extends: x86_64\nglibc: "2.31"', target);
    assert.ok(borrowed.ok, JSON.stringify(borrowed));
  }
  assert.ok((await resolved(t, 'extends: x86_64\nglibc: "2.31"')).ok);
});

test('linkage selects the sysroot, within an origin and alone', async (t) => {
  for (const target of ['x86_64', 'aarch64', 'armv7', 'ppc64le', 'riscv64', 's390x']) {
    const of = (python: string) => sysrootOf(t, `extends: ${target}\npython: {${python}}`);
    assert.equal(await of('from: source, linkage: dynamic'), `shared-gnu/cpython-3.13/${target}`);
    assert.equal(await of('from: source, linkage: static'), `portable-gnu/cpython-3.13/${target}`);
    assert.equal(await of('linkage: static'), `portable-gnu/cpython-3.13/${target}`);
    assert.equal(await of('from: packages, linkage: dynamic'), `packaged/cpython-3.13/${target}`);
  }
  // Alone it is the one that starts with the older glibc, as everywhere.
  assert.match(await sysrootOf(t, 'extends: aarch64\npython: {linkage: dynamic}'), /^shared-gnu\//);
  assert.match(await sysrootOf(t, 'extends: riscv64\npython: {linkage: dynamic}'), /^packaged\//);
  assert.match(await sysrootOf(t, 'extends: musl\npython: {linkage: static}'), /^static-musl\//);
});

test('a linkage that there is not is a failure, but for a target that was named on the command line', async (t) => {
  const dynamic = 'python: {linkage: dynamic}';
  const musl = await failureOf(t, `extends: musl\n${dynamic}`);
  assert.deepEqual([musl.code, musl.at], ['recipe/no-such-linkage', '3:19']);
  assert.match(musl.fix, /^Remove `linkage` below `python`\.$/);
  const native = await failureOf(t, `extends: native\n${dynamic}`);
  assert.deepEqual([native.code, native.at], ['recipe/no-such-linkage', '3:19']);
  assert.match(native.fix, /`packaged` and `shared-gnu`.* Or write `extends: x86_64`/);
  assert.match(await sysrootOf(t, `extends: x86_64\n${dynamic}`), /^shared-gnu\//);
  // As the field calls it.
  const word = await failureOf(t, 'extends: x86_64\npython: {linkage: shared}');
  assert.deepEqual([word.code, word.fix], ['recipe/invalid-value', 'Did you mean `dynamic`?']);
  const packages = await failureOf(t, 'extends: x86_64\npython: {from: packages, linkage: static}');
  assert.deepEqual([packages.code, packages.at], ['recipe/no-such-linkage', '3:35']);
  assert.match(packages.fix, /^Remove `from` below `python`, or `linkage`\.$/);
  assert.match(await sysrootOf(t, `extends: x86_64\n${dynamic}`, 'musl'), /^static-musl\//);
  assert.match(await sysrootOf(t, `extends: x86_64\n${dynamic}`, 'native'), /^static-gnu\//);
  assert.match(await sysrootOf(t, `extends: x86_64\n${dynamic}`, 'aarch64'), /^shared-gnu\//);
  // What the other target has of it holds.
  const both = 'extends: x86_64\npython: {from: source, linkage: dynamic}';
  assert.match(await sysrootOf(t, both, 'musl'), /^static-musl\//);
  assert.match(await sysrootOf(t, both, 's390x'), /^shared-gnu\//);
  const packaged = 'extends: x86_64\npython: {from: packages, linkage: dynamic}';
  assert.match(await sysrootOf(t, packaged, 'native'), /^static-gnu\//);
});

test('the default is what starts with the oldest glibc, and packages where nothing starts with an older one', async (t) => {
  for (const target of ['x86_64', 'aarch64', 'armv7', 'ppc64le', 's390x'])
    assert.equal(await sysrootOf(t, `extends: ${target}`), `portable-gnu/cpython-3.13/${target}`);
  assert.equal(await sysrootOf(t, 'extends: riscv64'), 'packaged/cpython-3.13/riscv64');
});

test('an origin that there is not is a failure, but for a target that was named on the command line', async (t) => {
  const packages = 'python: {from: packages}';
  const musl = await failureOf(t, `extends: musl\n${packages}`);
  assert.deepEqual([musl.code, musl.at], ['recipe/no-such-origin', '3:16']);
  const native = await failureOf(t, `extends: native\n${packages}`);
  assert.deepEqual([native.code, native.at], ['recipe/no-such-origin', '3:16']);
  assert.match(native.fix, /`packaged`/);
  const wasm = await failureOf(t, `extends: wasm32-wasip1\n${packages}`);
  assert.equal(wasm.code, 'recipe/no-such-origin');
  const source = 'extends: x86_64\npython: {from: source}';
  assert.match(await sysrootOf(t, source, 's390x'), /^portable-gnu\//);
  assert.match(await sysrootOf(t, `extends: x86_64\n${packages}`, 'musl'), /^static-musl\//);
  assert.match(await sysrootOf(t, `extends: x86_64\n${packages}`, 'native'), /^static-gnu\//);
  assert.match(await sysrootOf(t, `extends: x86_64\n${packages}`, 'aarch64'), /^packaged\//);
});

test('a glibc that its Python does not start with is a failure before anything is fetched', async (t) => {
  const of = (recipe: string) => failureOf(t, recipe);
  const packages = 'python: {from: packages}';
  const aarch64 = await of(`extends: aarch64\nglibc: "2.31"\n${packages}`);
  assert.deepEqual([aarch64.code, aarch64.at], ['recipe/glibc-too-old', '3:8']);
  assert.match(aarch64.fix, /Write `python: \{from: source\}`: that Python starts with glibc 2\.30\./);
  // A form that an extending recipe cannot name is no cure.
  const x86 = await of(`extends: x86_64\nglibc: "2.31"\n${packages}`);
  assert.match(x86.fix, /^Write `python: \{from: source\}`: [^`]* Where such systems/);
  // The printed cure, and what else is said: the glibc that it needs.
  const cured = 'extends: aarch64\nglibc: "2.31"\npython: {from: source}';
  assert.match(await sysrootOf(t, cured), /^portable-gnu\//);
  assert.match(await sysrootOf(t, `extends: aarch64\nglibc: "2.38"\n${packages}`), /^packaged\//);
});

test('a glibc that no Python reaches is named with the lowest one, and the target that needs none', async (t) => {
  const known = await failureOf(t, 'extends: x86_64\nglibc: "2.12"');
  assert.equal(known.code, 'recipe/glibc-too-old');
  assert.match(known.fix, /less than glibc 2\.17; the target `x86_64-musl` needs none/);
  assert.match(known.fix, /write `glibc: "2\.17"`/);
  const alone = await failureOf(t, 'extends: riscv64\nglibc: "2.17"');
  assert.match(alone.fix, /less than glibc 2\.38\. /);
});

test('an older glibc than its C library is one that Python and program are linked for', async (t) => {
  const of = async (target: string, glibc: string, more = '') => {
    const found = await resolved(t, `extends: ${target}\nglibc: "${glibc}"\n${more}`);
    assert.ok(found.ok, JSON.stringify(found));
    const { sysroot, plainSysroot } = found.value;
    const release = sysroot.sysroot.glibcRelease;
    // Libraries and Python are built on what the program is linked with.
    assert.equal((plainSysroot ?? sysroot).sysroot.glibcRelease, release);
    assert.equal(sysroot.rootfs.glibcRelease, undefined);
    return { name: sysroot.name, floor: sysroot.glibc, release };
  };
  for (const target of ['x86_64', 'aarch64', 'native'])
    for (const glibc of ['2.17', '2.28', '2.29']) {
      const { floor, release } = await of(target, glibc);
      assert.deepEqual([floor, release], [glibc, glibc]);
    }
  // Its lock is that of the sysroot: the packages are the same.
  assert.equal((await of('x86_64', '2.17')).name, 'portable-gnu/cpython-3.13/x86_64');
  const plain = await resolved(t, 'extends: x86_64\nglibc: "2.17"');
  assert.ok(plain.ok);
  const text = formatPlan(makePlan(plain.value, { machine: 'x86_64', platform: 'linux' }));
  assert.match(text, /^glibc +2\.17 or newer/m);
  assert.match(
    text,
    /Unpack the link-time tree of .*\n +architecture +amd64\n +packages .*\n +as glibc +2\.17\n/,
  );
  assert.equal((await of('x86_64', '2.17', 'sysroot: {packages: [libpq-dev]}')).release, '2.17');
  // What its Python starts with in any case, and newer: nothing is linked otherwise.
  for (const glibc of ['2.30', '2.31', '2.38'])
    assert.deepEqual(await of('x86_64', glibc), {
      ...{ name: 'portable-gnu/cpython-3.13/x86_64', floor: '2.30', release: undefined },
    });
});

test('an older C library in which something is lacking is taken where a recipe asks for its glibc, with a lock of its own', async (t) => {
  const of = async (recipe: string) => {
    const found = await resolved(t, recipe);
    assert.ok(found.ok, JSON.stringify(found));
    const { sysroot, files, target, systems = [] } = found.value;
    assert.equal(sysroot.sysroot.glibcRelease, undefined);
    return {
      ...{ name: sysroot.name, floor: sysroot.glibc, suite: sysroot.sysroot.suite },
      ...{
        library: target.cLibrary,
        lock: isThere(files.sysroot.lockFile),
        runs: systems.map((one) => one.definition.name),
      },
    };
  };
  const older = { floor: '2.30', suite: 'bullseye', library: 'glibc-2.31', lock: true };
  const usual = { floor: '2.35', suite: 'bookworm', library: 'glibc-2.36', lock: true };
  for (const [linkage, form] of [
    ['static', 'portable-gnu'],
    ['dynamic', 'shared-gnu'],
  ] as const) {
    const recipe = (glibc: string) => `extends: armv7\nglibc: "${glibc}"\npython: {linkage: ${linkage}}`;
    for (const glibc of ['2.30', '2.31', '2.34']) {
      const { runs, ...found } = await of(recipe(glibc));
      assert.deepEqual(found, { ...older, name: `${form}/cpython-3.13/armv7-glibc-2.31` });
      assert.deepEqual(runs, ['debian-12', 'debian-13']);
    }
    for (const glibc of ['2.35', '2.36']) {
      const { runs: _, ...found } = await of(recipe(glibc));
      assert.deepEqual(found, { ...usual, name: `${form}/cpython-3.13/armv7` });
    }
  }
  const { runs: _, ...usually } = await of('extends: armv7');
  assert.deepEqual(usually, { ...usual, name: 'portable-gnu/cpython-3.13/armv7' });
  // A packaged Python asks for its own.
  const packaged = await failureOf(t, 'extends: armv7\nglibc: "2.31"\npython: {from: packages}');
  assert.equal(packaged.code, 'recipe/glibc-too-old');
  assert.match(packaged.fix, /^Write `python: \{from: source\}` and `glibc: "2\.31"`/);
  // A system that it would start on names the line; what lies below cannot be had.
  const system = await failureOf(t, 'extends: armv7\nsystems: [debian-11]');
  assert.match(system.fix, /^Write `glibc: "2\.31"`: /);
  assert.match((await failureOf(t, 'extends: armv7\nglibc: "2.28"')).fix, /less than glibc 2\.30\b/);
  assert.match((await failureOf(t, 'extends: armv7\nglibc: "2.28"')).fix, /write `glibc: "2\.30"`/);
});

test('a release of glibc has no leading zeros', async (t) => {
  for (const word of ['2.017', '2.028', '2.00'])
    assert.equal(
      (await failureOf(t, `extends: x86_64\nglibc: "${word}"`)).code,
      'recipe/invalid-value',
      word,
    );
});

test('where a C library cannot stand for an earlier release, the failure says why', async (t) => {
  for (const target of ['ppc64le', 's390x']) {
    const found = await resolved(t, `extends: ${target}\nglibc: "2.28"`);
    assert.ok(!found.ok);
    const { code, why, fix } = found.error;
    assert.equal(code, 'recipe/glibc-too-old');
    assert.match(why ?? '', new RegExp(`to link with for \`${target}\`, glibc 2\\.36, cannot stand for`));
    assert.match(fix.join(' '), /less than glibc 2\.35\b/);
  }
  const riscv64 = await failureOf(t, 'extends: riscv64\nglibc: "2.28"');
  assert.match(riscv64.fix, /less than glibc 2\.38\. /);
});

test('a packaged Python that starts with no such glibc is told from one that can be linked for it', async (t) => {
  const packages = 'python: {from: packages}';
  const packaged = await failureOf(t, `extends: aarch64\nglibc: "2.17"\n${packages}`);
  assert.equal(packaged.code, 'recipe/glibc-too-old');
  assert.match(
    packaged.fix,
    /^Write `python: \{from: source\}` and `glibc: "2\.17"`: that Python can be linked for/,
  );
  // The printed cure.
  const cured = 'extends: aarch64\nglibc: "2.17"\npython: {from: source}';
  assert.match(await sysrootOf(t, cured), /^portable-gnu\//);
});

test('a system with an older glibc is reached by linking for that release, where that can be had', async (t) => {
  const file = join(temporaryFolder(t), 'one.yaml');
  writeFileSync(file, 'systems: [old]\n');
  const read = openReader();
  const [axes, document] = [await loadAxes(REPOSITORY, read), await read(file)];
  assert.ok(axes.ok && document.ok);
  const failureFor = (target: string, oldestRelease: string | undefined) => {
    const point = choosePoint(axes.value, { target }, document.value);
    assert.ok(point.ok);
    const definition = { name: 'old', glibc: '2.28' } as SystemDefinition;
    const systems = [{ definition, at: document.value.locate(['systems', 0], 'value') }];
    const floor = floorOf(point.value, point.value.form);
    const one = { axes: axes.value, point: point.value, named: false, glibc: undefined, systems };
    const [failure] = belowFloor({ ...one, floor, oldestRelease, document: document.value });
    assert.equal(failure?.code, 'recipe/glibc-too-old');
    assert.equal(failure.at?.column, 11);
    return failure.fix.join(' ');
  };
  assert.match(
    failureFor('x86_64', '2.17'),
    /^Write `glibc: "2\.28"`: .* Where it need not run there, leave `old`/,
  );
  assert.match(failureFor('x86_64', '2.29'), /^No Python for `x86_64` starts with less than glibc 2\.29/);
  assert.match(failureFor('armv7', undefined), /^No Python for `armv7` starts with less than glibc 2\.35/);
});

test('a library that is built from source is there for crates: its package is neither added nor locked', async (t) => {
  const of = async (packages: string) => {
    const found = await resolved(t, `extends: x86_64\nsysroot: {packages: [${packages}]}`);
    assert.ok(found.ok, JSON.stringify(found));
    return found.value;
  };
  const plain = await resolved(t, 'extends: x86_64');
  assert.ok(plain.ok);
  const there = await of('libssl-dev, zlib1g-dev');
  assert.equal(there.sysrootFile, undefined);
  assert.deepEqual(there.sysroot, plain.value.sysroot);
  // What cures put in front of what they add.
  assert.deepEqual(there.sysrootPackages, ['libssl-dev', 'zlib1g-dev']);
  const more = await of('libssl-dev, libpq-dev');
  assert.ok(more.sysroot.sysroot.packages.includes('libpq-dev'));
  assert.ok(!more.sysroot.sysroot.packages.includes('libssl-dev'));
  assert.ok(more.sysroot.sysroot.without?.includes('libssl-dev'), 'nothing else brings it either');
  assert.match(more.sysrootFile?.lockFile ?? '', /provision\.portable-gnu-cpython-3\.13-x86_64\.lock$/);
  // What Python and its libraries are built on, and so their entries in the store, are those of every recipe.
  assert.deepEqual(more.plainSysroot, plain.value.sysroot);
  const packaged = await resolved(
    t,
    'extends: x86_64\npython: {from: packages}\nsysroot: {packages: [libssl-dev]}',
  );
  assert.ok(packaged.ok && packaged.value.sysroot.sysroot.packages.includes('libssl-dev'));
});
