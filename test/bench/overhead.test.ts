import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUILDS } from '../../src/bench/overhead/builds.ts';
import { concludeFrom } from '../../src/bench/overhead/conclusion.ts';
import { configurationsOf } from '../../src/bench/overhead/configurations.ts';
import { overheadOf } from '../../src/bench/overhead/factors.ts';
import type { Resolved } from '../../src/domain/definitions.ts';
import { isFromSource, type SourceSysroot } from '../../src/domain/definitions.ts';
import type { ConfigurationResult } from '../../src/domain/overhead.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { cpythonScript } from '../../src/sysroot/source/cpython-script.ts';
import { REPOSITORY } from '../support/cli.ts';
import { tax } from '../support/measured.ts';

async function resolved(name: string): Promise<Resolved> {
  const build = BUILDS.find((one) => one.name === name);
  assert.ok(build, name);
  const settings = { home: REPOSITORY, cwd: REPOSITORY } as Parameters<typeof resolveRecipe>[0];
  const recipe = await resolveRecipe(settings, build.recipe);
  assert.ok(recipe.ok, JSON.stringify(recipe));
  return build.change(recipe.value);
}

test('overhead is the median over the iterations, which one disturbed iteration does not change', () => {
  const python = [100, 110, 90, 105, 95];
  const isolate = python.map((ms, i) => (i === 1 ? ms * 3 : ms * 1.2));
  const { value, low } = overheadOf(python, isolate);
  assert.equal(value.toFixed(6), '20.000000');
  assert.equal(low.toFixed(6), '20.000000');
});

test("a factor's effect is computed from the pairs that differ in this factor alone", () => {
  const { factors } = tax();
  const points = (factor: string, from: string, to: string): number | undefined =>
    factors.find(
      (one) => one.factor === factor && one.from === from && one.to === to && one.workload === 'loop',
    )?.points.value;
  assert.equal(points('linkage+pie', 'shared, pie', 'static, no-pie'), -20);
  assert.equal(points('linkage', 'shared', 'static'), -12);
  assert.equal(points('pie', 'pie', 'no-pie'), -8);
  assert.equal(points('flavour', 'none', 'pgo'), -14);
  assert.equal(points('entry', 'runmain', 'embed'), 0);
  assert.equal(points('allocator', 'pymalloc', 'mimalloc'), 0);
  const linkage = factors.find(({ factor }) => factor === 'linkage');
  assert.deepEqual(
    linkage?.pairs.map(({ from, to }) => [from, to]),
    [
      ['shared-none', 'static-pie-none'],
      ['shared-pgo', 'static-pie-pgo'],
      ['shared-lto', 'static-pie-lto'],
      ['shared-pgo+lto', 'static-pie-pgo+lto'],
    ],
  );
  assert.equal(linkage?.instructions, -6);
  assert.ok((linkage?.points.low ?? 0) < -12 && (linkage?.points.high ?? -99) > -12);
});

test("the distribution's library and a static build from source are not compared: compiler and flags differ too", () => {
  const { factors, conclusion } = tax(['shared-debian', 'static-pgo']);
  assert.deepEqual(
    factors.filter(({ factor }) => factor.startsWith('linkage')),
    [],
  );
  assert.match(conclusion, /cannot separate linking from compiling/);
});

test('the conclusion follows the measurements, whether they confirm or refute the claim', () => {
  const { cells, factors } = tax();
  assert.match(
    concludeFrom(cells, factors),
    /shared-debian replaced by static-pgo: loop \+20\.0 → 0\.0, .*this removes the tax; all else equal: linking statically at a fixed address -20\.0 and -20\.0, linking alone -12\.0/,
  );
  const taxed = cells.map((cell) => shifted(cell, 5));
  assert.match(concludeFrom(taxed, factors), /a tax remains/);
  const free = cells.map((cell) => shifted(cell, -30));
  assert.match(concludeFrom(free, factors), /there is no tax to explain/);
  assert.match(concludeFrom([], []), /inconclusive/);
});

test('other entry points and allocators are measured on two builds only', () => {
  const configurations = configurationsOf(BUILDS);
  assert.equal(new Set(configurations.map(({ name }) => name)).size, configurations.length);
  assert.deepEqual(
    configurations.filter(({ settings }) => settings.entry === 'embed').map(({ build }) => build.name),
    ['shared-debian', 'static-pgo+lto'],
  );
  const malloc = configurations.find(({ name }) => name === 'static-pgo+lto malloc');
  assert.deepEqual(malloc?.env, { PYTHONMALLOC: 'malloc' });
});

test('each build differs from the recipe in linkage, optimisation and position independence as its name states', async () => {
  const fixed = await resolved('static-pgo');
  const anywhere = await resolved('static-pie-pgo');
  const shared = await resolved('shared-none');
  assert.ok(isFromSource(fixed.sysroot) && isFromSource(anywhere.sysroot) && isFromSource(shared.sysroot));
  const flags = (one: SourceSysroot): string =>
    [...Object.values(one.source.cpython.env), ...one.compiler.flags].join(' ');
  assert.match(flags(fixed.sysroot), /-fno-pi[ce]\b/);
  assert.match(flags(fixed.sysroot), /-no-pie\b/);
  assert.doesNotMatch(flags(anywhere.sysroot), /-fno-pi[ce]\b|-no-pie\b|-ftls-model/);
  assert.deepEqual([fixed.sysroot.link.pie, anywhere.sysroot.link.pie], [false, true]);
  assert.deepEqual(fixed.sysroot.source.cpython.optimization, ['pgo']);
  assert.deepEqual(shared.sysroot.source.cpython.optimization, []);
  assert.ok(shared.sysroot.source.cpython.configure.includes('--enable-shared'));
  assert.ok(!shared.sysroot.source.cpython.configure.includes('--disable-shared'));
  const archives = { upstream: '/upstream.tar.xz' };
  assert.match(cpythonScript(shared.sysroot, archives), /cp -P libpython3\.13\.so\* "\$OUT\/usr\/lib\/"/);
  assert.doesNotMatch(cpythonScript(shared.sysroot, archives), /addlib/);
  assert.match(cpythonScript(fixed.sysroot, archives), /addlib libpython3\.13\.a/);
  const sharedLto = await resolved('shared-pgo+lto');
  assert.ok(isFromSource(sharedLto.sysroot));
  const script = cpythonScript(sharedLto.sysroot, archives);
  assert.match(script, /make .*-fprofile-instr-use=.* -flto=thin" all\n/);
  assert.doesNotMatch(script, /--with-lto|AR" rcs|together/);
  const whole = await resolved('static-pgo+lto');
  assert.ok(isFromSource(whole.sysroot));
  assert.match(cpythonScript(whole.sysroot, archives), /"\$\$LD" -r --lto-O3 .* \$\^ -o \$@\n/);
});

function shifted(cell: ConfigurationResult, points: number): ConfigurationResult {
  const workload = (name: 'loop' | 'amortize') => {
    const { tax: old, ...rest } = cell.workloads[name];
    return { ...rest, tax: { value: old.value + points, low: old.low + points, high: old.high + points } };
  };
  return { ...cell, workloads: { loop: workload('loop'), amortize: workload('amortize') } };
}
