import { join } from 'node:path';
import { type Bytecode, interpreterProgram } from '../bundle/bytecode.ts';
import { defined } from '../domain/defined.ts';
import type { SampleSuite } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import { PATHS } from '../engine/paths.ts';
import { LACKING } from '../run/facilities.ts';
import type { World } from '../run/world.ts';

interface Tree {
  readonly folder: string;
  readonly fingerprint: string;
}

/** The bundle, unpacked elsewhere, in a root that holds the target's libc and nothing of Python. */
export function targetWorld(
  plan: Plan,
  input: {
    rootfs: Tree;
    toolchain: Tree;
    bundle: Tree & { readonly top: string };
    digest: string;
    program: string;
  },
): World {
  const program = `${PATHS.interpreter}/bin/${input.program}`;
  const emulator = plan.runner === 'qemu-user' ? plan.target.emulator : undefined;
  const inEmulator = emulator === undefined ? undefined : `${PATHS.emulator}/${emulator}`;
  return {
    rootfs: input.rootfs.folder,
    mounts: [
      { kind: 'tree', source: join(input.bundle.folder, input.bundle.top), at: PATHS.interpreter },
      ...(emulator === undefined || inEmulator === undefined
        ? []
        : [
            {
              kind: 'tree',
              source: join(input.toolchain.folder, 'usr/bin', emulator),
              at: inEmulator,
            } as const,
          ]),
    ],
    command: inEmulator === undefined ? [program] : [inEmulator, program],
    env: {},
    ...defined({ emulator }),
    key: {
      bundle: input.digest,
      rootfs: input.rootfs.fingerprint,
      // The emulator comes from the toolchain; another toolchain may bring another one.
      emulator: emulator === undefined ? null : `${emulator} of ${input.toolchain.fingerprint}`,
    },
  };
}

/** A world in which the program is started as the recipe's samples want it. */
export function withSuite(world: World, { args, env }: SampleSuite): World {
  return {
    ...world,
    ...defined({ arguments: args }),
    env: { ...world.env, ...env },
  };
}

/** CPython of the same version for the machine that builds, from the same locked archive, at the same prefix. */
export function referenceWorld(
  plan: Plan,
  input: { reference: Tree; bytecode: Bytecode; packages?: { readonly home: Tree } },
): World {
  const { bytecode, packages } = input;
  const home = packages?.home.folder ?? join(bytecode.folder, bytecode.meta.home);
  return {
    rootfs: input.reference.folder,
    mounts: [{ kind: 'tree', source: home, at: PATHS.interpreter }],
    command: [interpreterProgram(plan.reference)],
    env: { ...plan.recipe.samples.env },
    key: {
      interpreter: input.reference.fingerprint,
      bytecode: packages?.home.fingerprint ?? bytecode.fingerprint,
    },
  };
}

/** What a POSIX system offers of the facilities that samples may require (docs/samples.md). */
const POSIX = ['threads', 'subprocess', 'sockets', 'signals', 'files', 'symlinks', 'module:*'];

/** The facilities that programs have where the samples run, and the modules that they lack. */
export function capabilitiesOf(plan: Plan): readonly string[] {
  return [...platformFacilities(plan), ...lackingModules(plan).map((name) => `${LACKING}${name}`)];
}

function platformFacilities(plan: Plan): readonly string[] {
  // WASI preview 1 has files and links and none of the others.
  if (plan.target.libc === 'wasi') return ['files', 'symlinks', 'module:*'];
  // The emulator does not start further programs of the target: without binfmt_misc the kernel cannot (execve(2), ENOEXEC).
  return plan.runner === 'qemu-user' ? POSIX.filter((name) => name !== 'subprocess') : POSIX;
}

/** An extension module `_name` is the better half of the module `name`. */
function lackingModules({ sysroot }: Plan): readonly string[] {
  return Object.keys(sysroot.without).flatMap((name) => [name, name.replace(/^_/, '')]);
}
