// Every shipped recipe is planned for every machine that images are made for: with locks of that machine, and a runtime that is there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineName } from '../../src/exec/machine.ts';
import { planRun } from '../../src/pipeline/prepare.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { REPOSITORY } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

/** For one machine alone: its toolchain is that machine's. */
const OF_ONE_MACHINE: readonly string[] = ['native'];

for (const machine of ['x86_64', 'aarch64']) {
  test(`on ${machine} every recipe has its locks for each Python, and a runtime`, async () => {
    const recipes = await listRecipes(REPOSITORY);
    assert.ok(recipes.ok);
    const planned: string[] = [];
    for (const { name, pythons } of recipes.value) {
      // Of another implementation there is one version, and it may be compiled by this machine's own Rust.
      for (const python of pythons.filter((one) => !('why' in one) && /^\d/.test(one.version))) {
        const context = testContext({ home: REPOSITORY, cwd: REPOSITORY, python: python.version });
        const one = await planRun(context, name, { machine, platform: 'linux' });
        assert.ok(one.ok, JSON.stringify(one));
        const { target, hostTarget, runtime, toolchain, interpreter } = one.value.plan;
        const itself = target.machine === machine && target.libc !== 'wasi';
        assert.equal(runtime === 'native', itself, `${name} on ${machine}: ${runtime}`);
        if (OF_ONE_MACHINE.includes(name)) continue;
        assert.equal(hostTarget.machine, machine, name);
        for (const { rootfs } of [toolchain, interpreter])
          assert.equal(rootfs.architecture, hostTarget.debianArch);
        // Those of other machines are in the image.
        if (runtime !== 'qemu-user') continue;
        const emulator = `!usr/bin/${target.emulator?.program}`;
        assert.ok(toolchain.rootfs.exclude.includes(emulator), `${name}: ${toolchain.rootfs.exclude}`);
        planned.push(name);
      }
    }
    assert.ok(planned.length > 10, planned.join());
  });
}

test('machines are called by their names on Linux', () => {
  assert.deepEqual(
    ['arm64', 'amd64', 'x86_64', 'riscv64'].map((name) => machineName(name)),
    ['aarch64', 'x86_64', 'x86_64', 'riscv64'],
  );
});
