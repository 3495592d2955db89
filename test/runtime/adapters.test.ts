// What each runtime starts a bundled program with. Running them for real is what test/e2e does.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { RuntimeKind } from '../../src/domain/ids.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Emulator } from '../../src/domain/target.ts';
import type { Exit } from '../../src/engine/engine.ts';
import { PATHS } from '../../src/engine/paths.ts';
import { CAPABILITIES } from '../../src/runtime/capabilities.ts';
import type { RuntimeInstance } from '../../src/runtime/instance.ts';
import { nodeScript } from '../../src/runtime/node-wasi.ts';
import { programFile, programFormat } from '../../src/runtime/program/program.ts';
import { homeOf, referenceRuntime } from '../../src/runtime/reference.ts';
import {
  type ProgramInput,
  prepareRuntime,
  type RuntimeSession,
  readExit,
  runtimeOf,
  targetRuntime,
  withSuite,
} from '../../src/runtime/runtime.ts';
import { inSharedRoot } from '../../src/runtime/shared-root.ts';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

const TREES = {
  toolchain: { folder: '/store/toolchain', fingerprint: 'aa' },
  interpreter: { folder: '/store/interpreter', fingerprint: 'bb' },
  rootfs: { folder: '/store/rootfs', fingerprint: 'cc' },
};

const INPUT: ProgramInput = {
  ...TREES,
  bundle: { meta: { digest: 'sha256:dd' } },
  unpacked: { folder: '/store/unpacked', fingerprint: 'ee', top: 'program-far' },
  program: 'program',
  programDigest: 'sha256:ff',
  logs: '/logs',
};

const BUNDLE = { kind: 'tree', source: '/store/unpacked/program-far', at: PATHS.interpreter };

/** What emulates the reference where the kernel does not start it. */
const REFERENCE_ON = { emulator: { program: 'qemu-small', cpu: 'old' } };

function planFor(runtime: RuntimeKind, emulator?: Emulator): Plan {
  return {
    runtime,
    target: {
      ...{
        name: 'far',
        libc: 'gnu',
        pointerWidth: 32,
        endianness: 'big',
        elf: { machine: 'Far', number: 7 },
      },
      ...(emulator === undefined ? {} : { emulator }),
    },
    recipe: { name: 'far', samples: { env: { MODE: 'x' } }, wasm: { stack: 8 * 2 ** 20, initialMemory: 0 } },
    reference: { tools: { python: 'python3.13' } },
    sysroot: { python: { version: '3.13', abiflags: '' } },
    referenceTarget: {
      name: 'small',
      pointerWidth: 32,
      endianness: 'little',
      elf: { number: 40 },
      ...REFERENCE_ON,
    },
    crate: {},
  } as unknown as Plan;
}

/** A session in which no stage may run. */
function sessionOf(home: string): RuntimeSession {
  const unused = (): never => assert.fail('nothing has to be obtained');
  return {
    context: testContext({ home }),
    store: undefined as unknown as RuntimeSession['store'],
    engine: unused,
    recorder: { stage: unused },
  };
}

async function instance(plan: Plan, home = '/home'): Promise<RuntimeInstance> {
  const made = await targetRuntime(sessionOf(home), plan, INPUT);
  assert.ok(made.ok, JSON.stringify(made));
  return made.value;
}

test('a native program is started by its path in the bundle, in the root of the target', async () => {
  const made = await instance(planFor('native'));
  assert.deepEqual(made.command, [`${BUNDLE.at}/bin/program`]);
  assert.deepEqual(made.mounts, [BUNDLE]);
  assert.equal(made.rootfs, TREES.rootfs.folder);
  assert.equal(made.emulator, undefined);
});

test('an emulated program is started by the emulator of the toolchain', async () => {
  const made = await instance(planFor('qemu-user', { program: 'qemu-far' }));
  assert.deepEqual(made.command, ['/opt/emulator/qemu-far', `${BUNDLE.at}/bin/program`]);
  assert.deepEqual(made.mounts, [
    BUNDLE,
    { kind: 'tree', source: '/store/toolchain/usr/bin/qemu-far', at: '/opt/emulator/qemu-far' },
  ]);
  assert.deepEqual(made.emulation, {
    launcher: ['/opt/emulator/qemu-far'],
    elf: { pointerWidth: 32, endianness: 'big', number: 7 },
  });
  const starts = made.emulation.launcher;
  assert.deepEqual(made.key, { bundle: 'sha256:dd', rootfs: 'cc', emulator: 'qemu-far of aa', starts });
});

test('the CPU model of a target is an option of every command, and part of the key', async () => {
  const emulator = { program: 'qemu-far', cpu: 'far-9000' };
  const plan = planFor('qemu-user', emulator);
  const made = await instance(plan);
  assert.deepEqual(made.command, [
    ...['/opt/emulator/qemu-far', '-cpu', 'far-9000'],
    `${BUNDLE.at}/bin/program`,
  ]);
  const other = await instance(planFor('qemu-user', { ...emulator, cpu: 'far-1' }));
  assert.notDeepEqual(made.key, other.key);
  const cargo = runtimeOf('qemu-user').bareLauncher(plan.target, {
    root: '/sysroot',
    libraries: '/sysroot/usr/lib',
    env: { PYTHONHOME: '/sysroot/usr' },
  });
  assert.deepEqual(cargo, [
    ...['qemu-far', '-cpu', 'far-9000'],
    ...['-L', '/sysroot', '-E', 'PYTHONHOME=/sysroot/usr'],
  ]);
});

test('without a bundle, a native program gets its libraries and its home by variables', () => {
  const { target } = planFor('native');
  const env = { PYTHONHOME: '/sysroot/usr' };
  const launcher = runtimeOf('native').bareLauncher(target, { root: '/sysroot', libraries: '/lib', env });
  assert.deepEqual(launcher, ['env', 'PYTHONHOME=/sysroot/usr', 'LD_LIBRARY_PATH=/lib']);
  assert.deepEqual(runtimeOf('native').bareLauncher(target, { root: '/sysroot', env }), [
    'env',
    'PYTHONHOME=/sysroot/usr',
  ]);
});

test('in Node a module sees bundle, suite and working folder at the paths of the reference', async (t) => {
  const home = temporaryFolder(t);
  const script = nodeScript(home, 'run.mjs');
  mkdirSync(dirname(script), { recursive: true });
  writeFileSync(script, '// one\n');
  const plan = planFor('node-wasi');
  const first = await instance(plan, home);
  const folders = first.command.flatMap((word, i, all) => (all[i - 1] === '--dir' ? [word] : []));
  assert.deepEqual(folders, [BUNDLE.at, '/job/samples', '/job/scratch']);
  assert.ok(!first.command.some((word) => word.startsWith('PYTHONHOME=')));
  assert.ok(first.mounts.some((mount) => 'source' in mount && mount.source === script));
  writeFileSync(script, '// another\n');
  assert.notDeepEqual((await instance(plan, home)).key, first.key, 'the script is part of the key');
  const automatic = { ...plan, crate: { pyo3: { autoInitialize: true } } } as unknown as Plan;
  assert.ok((await instance(automatic, home)).command.includes(`PYTHONHOME=${BUNDLE.at}`));
});

test('only wasmtime has to be prepared', async () => {
  for (const kind of ['native', 'qemu-user', 'node-wasi'] as const) {
    const prepared = await prepareRuntime(sessionOf('/home'), planFor(kind), TREES, '/logs');
    assert.deepEqual(prepared, { ok: true, value: undefined });
  }
  assert.equal(typeof runtimeOf('wasmtime').prepare, 'function');
});

test('the reference runs the interpreter of its image, with the environment of the suite', () => {
  const reference = { folder: '/store/reference', fingerprint: 'ii' };
  const home = homeOf({ folder: '/store/bytecode', fingerprint: 'gg', meta: { home: 'home' } });
  const made = referenceRuntime(planFor('native'), { reference, home });
  assert.deepEqual(made.command, [`${BUNDLE.at}/bin/python3.13`]);
  assert.deepEqual(made.mounts, [{ kind: 'tree', source: '/store/bytecode/home', at: BUNDLE.at }]);
  assert.deepEqual([made.rootfs, made.env], [reference.folder, { MODE: 'x' }]);
  const own = { folder: '/store/home', fingerprint: 'hh' };
  const packaged = referenceRuntime(planFor('native'), {
    ...{ reference, home },
    packages: { home: own },
  });
  assert.deepEqual(packaged.mounts, [{ kind: 'tree', source: own.folder, at: BUNDLE.at }]);
  assert.notDeepEqual(packaged.key, made.key);
});

test('a reference that the kernel does not start is emulated, and may take longer than the program', () => {
  const reference = { folder: '/store/reference', fingerprint: 'ii' };
  const home = { folder: '/store/home', fingerprint: 'hh' };
  const natively = referenceRuntime(planFor('native'), { reference, home });
  const made = referenceRuntime(planFor('native'), { reference, home, emulatorOf: TREES.toolchain });
  assert.deepEqual(made.command, ['/opt/emulator/qemu-small', '-cpu', 'old', `${BUNDLE.at}/bin/python3.13`]);
  assert.ok(
    made.mounts.some((mount) => 'source' in mount && mount.source === '/store/toolchain/usr/bin/qemu-small'),
  );
  assert.equal(made.emulator, 'qemu-small');
  assert.deepEqual(made.emulation?.elf, { pointerWidth: 32, endianness: 'little', number: 40 });
  assert.ok((made.patience ?? 1) > 1);
  assert.notDeepEqual(made.key, natively.key, 'what an emulator prints is kept for itself');
  const exit = (status: number, stderr: string): Exit => ({
    ...{ status, ms: 1, stdout: Buffer.from(''), stderr: Buffer.from(stderr) },
  });
  const refused = readExit(made, exit(255, 'Error while loading /usr/bin/python3.13: Exec format error\n'));
  assert.equal(refused.by, 'emulator');
  assert.equal(readExit(natively, exit(255, 'Error while loading x: y\n')).by, 'program');
});

test('the suite of a recipe adds its arguments and its environment', async () => {
  const made = await instance(planFor('native'));
  const suite = { paths: [], timeoutSeconds: 1, args: ['run', '{script}'], env: { MODE: 'x' } };
  const { arguments: words, env } = withSuite(made, suite);
  assert.deepEqual([words, env], [['run', '{script}'], { MODE: 'x' }]);
});

test('in a root that others share, qemu gets the root of the target, and WASI the bundle at its own path', async (t) => {
  const at = { bundle: '/opt/bundles/far', root: '/opt/roots/far' };
  const emulated = inSharedRoot(await instance(planFor('qemu-user', { program: 'qemu-far' })), at);
  assert.deepEqual(emulated.command, ['/opt/emulator/qemu-far', '-L', at.root, `${at.bundle}/bin/program`]);
  assert.ok(emulated.mounts.some((mount) => mount.at === at.root));
  const native = inSharedRoot(await instance(planFor('native')), at);
  assert.deepEqual(native.command, [`${at.bundle}/bin/program`]);
  assert.deepEqual(native.mounts, [{ ...BUNDLE, at: at.bundle }]);
  const home = temporaryFolder(t);
  mkdirSync(join(home, 'runtimes/node-wasi'), { recursive: true });
  writeFileSync(nodeScript(home, 'run.mjs'), '');
  const { command } = inSharedRoot(await instance(planFor('node-wasi'), home), at);
  assert.ok(command.includes(`${at.bundle}::${BUNDLE.at}`));
  assert.equal(command[command.indexOf('--argv0') + 1], `${BUNDLE.at}/bin/program`);
  assert.equal(command.at(-1), `${at.bundle}/bin/program`);
});

test('samples that start programs, threads or sockets run where the runtime has them', () => {
  const having = (facility: string): readonly string[] =>
    Object.entries(CAPABILITIES).flatMap(([kind, { facilities }]) =>
      facilities.includes(facility) ? [kind] : [],
    );
  assert.deepEqual(having('subprocess'), ['native', 'qemu-user', 'reference']);
  const conditional = Object.entries(CAPABILITIES).filter(([, one]) => one.conditional.length > 0);
  assert.deepEqual(
    conditional.map(([kind, one]) => [kind, ...one.conditional]),
    [['qemu-user', 'subprocess']],
  );
  assert.deepEqual(having('threads'), ['native', 'qemu-user', 'reference']);
  assert.deepEqual(having('sockets'), having('threads'));
  assert.deepEqual(having('files'), Object.keys(CAPABILITIES));
});

test('a program of WASI is a file of its own kind that a bare linker makes', () => {
  assert.equal(programFile({ libc: 'wasi' }, 'program'), 'program.wasm');
  assert.equal(programFile({ libc: 'musl' }, 'program'), 'program');
  const plan = planFor('wasmtime');
  assert.deepEqual(programFormat({ libc: 'wasi' }).bareLinker?.(plan)?.arguments, [
    `-zstack-size=${8 * 2 ** 20}`,
    '--initial-memory=0',
    `-L/sysroot/usr/lib/${plan.target.multiarch}`,
  ]);
  assert.equal(programFormat({ libc: 'gnu' }).bareLinker, undefined);
});
