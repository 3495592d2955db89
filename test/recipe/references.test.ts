// Which interpreter a target is compared with.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLock } from '../../src/lock/lockfile.ts';
import { planFrom } from '../../src/pipeline/prepare.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

async function references(recipe: string, machine: string, home = REPOSITORY) {
  const resolved = await resolveRecipe({ home, cwd: REPOSITORY, machine }, recipe);
  assert.ok(resolved.ok, JSON.stringify(resolved));
  return resolved.value;
}

test('a target is compared with a CPython of its pointer width: the machine’s own, or one of another architecture', async () => {
  const expected = {
    x86_64: {
      aarch64: 'x86_64',
      armv7: 'armv7',
      riscv64: 'x86_64',
      s390x: 'x86_64',
      'wasm32-wasip1': 'armv7',
    },
    aarch64: { aarch64: 'aarch64', armv7: 'armv7' },
  };
  for (const [machine, targets] of Object.entries(expected)) {
    for (const [recipe, reference] of Object.entries(targets)) {
      const found = await references(recipe, machine);
      assert.equal(found.referenceTarget.name, reference, `${recipe} on ${machine}`);
      assert.equal(found.referenceTarget.pointerWidth, found.target.pointerWidth);
      // pip and the compiler of bytecode are programs of this machine.
      assert.equal(found.interpreter.rootfs.architecture, found.toolchain.rootfs.architecture);
      const own = found.reference === found.interpreter;
      assert.equal(own, found.referenceTarget === found.hostTarget);
      assert.equal(found.files.reference === found.files.interpreter, own);
    }
  }
});

test('a big-endian target has a second one of its byte order, which explains differences', async () => {
  const found = await references('s390x', 'x86_64');
  assert.equal(found.ordered?.ordered.target.name, 's390x');
  // And one that differs from this machine in all but byte order and width.
  assert.equal(found.ordered?.control?.target.name, 'aarch64');
  assert.equal((await references('aarch64', 'x86_64')).ordered, undefined);
  assert.equal((await references('armv7', 'x86_64')).ordered, undefined);
});

test('the locks of all references are of the same packages and versions of Python', async () => {
  const versions = new Set<string>();
  for (const recipe of ['x86_64', 'armv7', 's390x']) {
    const { files, reference, ordered } = await references(recipe, 'x86_64');
    for (const [file, image] of [
      [files.reference, reference],
      ...(ordered === undefined ? [] : [[ordered.ordered.file, ordered.ordered.image] as const]),
    ] as const) {
      const lock = await readLock(file, image);
      assert.ok(lock.ok, JSON.stringify(lock));
      const all = (lock.value.sets.rootfs ?? []).map(({ name, version }) => `${name} ${version}`);
      versions.add(
        all
          .filter((one) => /^(?:lib)?python/.test(one))
          .sort()
          .join(),
      );
    }
  }
  assert.equal(versions.size, 1, [...versions].join('\n'));
});

test('without one of that width the machine’s own serves, and a notice says what differs', async (t) => {
  const home = temporaryFolder(t);
  for (const folder of [
    'docker',
    'libraries',
    'pythons',
    'recipes',
    'runner',
    'runtimes',
    'sysroots',
    'systems',
    'targets',
  ])
    cpSync(join(REPOSITORY, folder), join(home, folder), {
      recursive: true,
      filter: (path) => !path.endsWith('/target'),
    });
  const file = join(home, 'pythons', 'reference.yaml');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/^architectures: .*$/m, 'architectures: [amd64, arm64]'),
  );
  const found = await references('armv7', 'x86_64', home);
  assert.equal(found.reference, found.interpreter);
  const context = testContext({ home });
  const planned = await planFrom(context, found, { machine: 'x86_64', platform: 'linux' });
  assert.ok(planned.ok, JSON.stringify(planned));
  const notices = context.events.flatMap((event) => (event.type === 'notice' ? [event] : []));
  const notice = notices.find(({ code }) => code === 'samples/pointer-width');
  assert.match(notice?.message ?? '', /64-bit pointers, armv7 has 32-bit ones/);
});

test('a plan names the reference, how wide its pointers are, and what starts it', async () => {
  const plan = await provision(['plan', 'armv7']);
  assert.match(plan.stdout, /^reference +cpython-3\.13 reference \(armhf\), 32-bit \(qemu-arm/m);
  const own = await provision(['plan', 'riscv64']);
  assert.match(own.stdout, /^reference +cpython-3\.13 reference$/m);
});
