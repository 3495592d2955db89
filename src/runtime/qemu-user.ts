import { join } from 'node:path';
import { ok } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Emulator, Target } from '../domain/target.ts';
import type { Emulation } from '../engine/emulation.ts';
import type { Exit, Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { assignments, bundleMount, startedAt } from './bundled.ts';
import { type ExitCause, programExit } from './exit.ts';
import { readQemuExit } from './qemu-exit.ts';
import type { EmulatorPlace, TargetRuntime } from './runtime.ts';

/** The toolchain's user-mode emulator starts the program, in the same root as natively. */
export const QEMU_USER: TargetRuntime = {
  kind: 'qemu-user',
  emulator: (target) => emulatorOf(target).program,
  launcher,
  // qemu-user(1): `-L`, prefix of the target's interpreter and libraries; `-E`, a variable of the program alone.
  bareLauncher: (target, { root, env }) => [
    ...launcher(target),
    ...['-L', root],
    ...assignments(env).flatMap((one) => ['-E', one]),
  ],
  buildLauncher: async (_home, target) => {
    // Programs that are linked dynamically find their loader and libraries in what they are linked with.
    const argv = [...launcher(target), ...(target.libc === 'gnu' ? ['-L', PATHS.sysroot] : [])];
    return { argv, mounts: [], key: argv };
  },
  emulation,
  instantiate: async (_session, { target }, input) => {
    const { mounts, command, emulation, emulator, key } = emulated(target, input.toolchain);
    return ok({
      kind: 'qemu-user',
      rootfs: input.rootfs.folder,
      mounts: [bundleMount(input), ...mounts],
      command: [...command, startedAt(input)],
      env: {},
      ...{ emulation, emulator },
      key: {
        bundle: input.onefile?.digest ?? input.bundle.meta.digest,
        rootfs: input.rootfs.fingerprint,
        emulator: key,
        starts: [...emulation.launcher],
      },
    });
  },
  readExit: readEmulatedExit,
};

/** What starts programs of a target in a sandbox. */
interface Emulated {
  readonly mounts: readonly Mount[];
  readonly command: readonly [string, ...string[]];
  readonly emulation: Emulation;
  readonly emulator: string;
  /** The emulator comes from the toolchain; another toolchain may bring another one. */
  readonly key: string;
}

export function emulated(target: Target, toolchain: StoredTree): Emulated {
  const emulator = emulatorOf(target);
  const { program } = emulator;
  const at = `${PATHS.emulator}/${program}`;
  return {
    mounts: [{ kind: 'tree', source: join(toolchain.folder, 'usr/bin', program), at }],
    command: [at, ...options(emulator)],
    emulation: emulation(target, { folder: PATHS.emulator }),
    emulator: program,
    key: [program, ...options(emulator), 'of', toolchain.fingerprint].join(' '),
  };
}

/** `emulator`: absent where the kernel starts the program. */
export function readEmulatedExit(exit: Exit, emulator: string | undefined): ExitCause {
  return emulator === undefined ? programExit(exit) : readQemuExit(exit, emulator);
}

function launcher(target: Target): readonly string[] {
  const emulator = emulatorOf(target);
  return [emulator.program, ...options(emulator)];
}

/** The same emulator with the same options, for what its programs start; `root` is the target's where that is not `/`. */
function emulation(target: Target, at: EmulatorPlace): Emulation {
  const emulator = emulatorOf(target);
  const { elf, pointerWidth, endianness } = target;
  if (elf === undefined) throw new Error(`the target ${target.name} is emulated and names no ELF machine`);
  return {
    launcher: [
      `${at.folder}/${emulator.program}`,
      ...options(emulator),
      ...(at.root === undefined ? [] : ['-L', at.root]),
    ],
    elf: { pointerWidth, endianness, number: elf.number },
  };
}

/** qemu-user(1): `-cpu`, the model that is emulated; qemu's own default without it. */
function options({ cpu }: Emulator): readonly string[] {
  return cpu === undefined ? [] : ['-cpu', cpu];
}

function emulatorOf({ name, emulator }: Target): Emulator {
  if (emulator === undefined) throw new Error(`the target ${name} is emulated and names no emulator`);
  return emulator;
}
