// Whether a reference of another architecture is started by the kernel or has to be emulated.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Plan } from '../../src/domain/plan.ts';
import { ok } from '../../src/domain/result.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { kernelStarts, startOfReference } from '../../src/pipeline/reference-start.ts';
import type { Session } from '../../src/pipeline/session.ts';
import { openStore } from '../../src/store/open.ts';
import type { Tree } from '../../src/toolchain/tree.ts';
import { type Bench, makeBench, removeBench } from '../support/sandboxes.ts';

/** A 32-bit little-endian program (elf(5)): one segment, which is the whole file. */
function program32(machine: number, code: Buffer): Buffer {
  const [base, start] = [0x10000, 52 + 32];
  const bytes = Buffer.alloc(start + code.length);
  bytes.write('\x7fELF\x01\x01\x01', 'latin1');
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(machine, 18);
  for (const [value, at] of [
    [1, 20],
    [base + start, 24],
    [52, 28],
    [1, 52],
    [base, 60],
    [base, 64],
    [bytes.length, 68],
    [bytes.length, 72],
    [5, 76],
    [0x10000, 80],
  ] as const)
    bytes.writeUInt32LE(value, at);
  for (const [value, at] of [
    [52, 40],
    [32, 42],
    [1, 44],
  ] as const)
    bytes.writeUInt16LE(value, at);
  code.copy(bytes, start);
  return bytes;
}

/** `exit(0)` of i386, number 3: `mov eax, 1; xor ebx, ebx; int 0x80`. */
const I386 = program32(3, Buffer.from('b80100000031dbcd80', 'hex'));
/** A machine that nothing runs. */
const NO_SUCH = program32(0xfefe, Buffer.alloc(16));

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

/** The root with a program in it. */
function withProgram(name: string, bytes: Buffer): readonly [string] {
  const path = `/usr/bin/${name}`;
  writeFileSync(join(bench.rootfs, path), bytes, { mode: 0o755 });
  return [path];
}

test('what the kernel starts is told from what it refuses, whatever the class of the program', async () => {
  const starts = (argv: readonly [string, ...string[]]) => kernelStarts(bench.engine, bench.rootfs, argv);
  assert.deepEqual(await starts(['/usr/bin/true']), ok(true));
  assert.deepEqual(await starts(['/usr/bin/false']), ok(false));
  assert.deepEqual(await starts(withProgram('refused', NO_SUCH)), ok(false));
  assert.deepEqual(await starts(withProgram('cut', I386.subarray(0, 30))), ok(false));
  // Kernels without 32-bit emulation refuse it: the sandbox says what the machine says.
  const small = withProgram('small', I386);
  const here = spawnSync(join(bench.rootfs, small[0])).status === 0;
  assert.deepEqual(await starts(small), ok(here));
});

/** A plan of which only the two machines count, and a session that counts how often it was asked for its engine. */
async function setUp(maybeOn: readonly string[], python: string) {
  const store = await openStore(bench.make(`store ${python} ${maybeOn.join()}`));
  assert.ok(store.ok);
  const asked: Engine[] = [];
  const session = {
    context: { settings: { engine: 'namespace', docker: {} }, signal: new AbortController().signal },
    store: store.value,
    engine: async () => {
      asked.push(bench.engine);
      return ok(bench.engine);
    },
  } as unknown as Session;
  const plan = {
    hostTarget: { machine: 'near' },
    referenceTarget: { machine: 'small', maybeOn, emulator: { program: 'qemu-small' } },
    reference: { name: 'python (small)', tools: { python } },
  } as unknown as Plan;
  const tree = (folder: string): Tree => ({ folder, fingerprint: folder.slice(-8) }) as unknown as Tree;
  const toolchain = bench.make('toolchain');
  const start = () =>
    startOfReference(session, plan, { toolchain: tree(toolchain), reference: tree(bench.rootfs) });
  return { start, asked, toolchain, store: store.value };
}

test('a reference that is refused is emulated, with no other verdict; the machine is asked once', async () => {
  withProgram('python-refused', NO_SUCH);
  const { start, asked, toolchain, store } = await setUp(['near'], 'python-refused');
  const without = await start();
  assert.ok(!without.ok, 'there is no emulator yet');
  assert.equal(without.error.code, 'recipe/no-emulator');
  mkdirSync(join(toolchain, 'usr/bin'), { recursive: true });
  writeFileSync(join(toolchain, 'usr/bin/qemu-small'), '');
  for (const _ of [1, 2]) {
    const chosen = await start();
    assert.ok(chosen.ok);
    assert.equal(chosen.value?.folder, toolchain);
  }
  assert.equal(asked.length, 1, `${release()}: the answer is kept`);
  await store.settled();
});

test('one that starts is not emulated, and a machine that cannot is not asked', async () => {
  // Takes any arguments and ends well, as the interpreter does.
  writeFileSync(join(bench.rootfs, 'usr/bin/python-fine'), '#!/bin/sh\n', { mode: 0o755 });
  const fine = await setUp(['near'], 'python-fine');
  assert.deepEqual(await fine.start(), ok(undefined));
  const never = await setUp([], 'python-fine');
  const chosen = await never.start();
  assert.ok(chosen.ok);
  assert.equal(chosen.value?.folder, never.toolchain);
  assert.equal(never.asked.length, 0);
  await Promise.all([fine.store.settled(), never.store.settled()]);
});
