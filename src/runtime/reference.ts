import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { bringsInterpreter, type ImageDefinition, type Resolved } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import { libraryName } from '../domain/python.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import { PATHS } from '../engine/paths.ts';
import { programAt } from './bundled.ts';
import type { RuntimeInstance } from './instance.ts';
import { emulated, readEmulatedExit } from './qemu-user.ts';
import type { Runtime } from './runtime.ts';

export const REFERENCE: Runtime = { kind: 'reference', readExit: readEmulatedExit };

export interface ReferenceInput {
  readonly reference: StoredTree;
  /** The interpreter's prefix with its standard library compiled: `bin/`, `lib/`. */
  readonly home: StoredTree;
  /** The same with Python packages in it. */
  readonly packages?: { readonly home: StoredTree };
  /** Where its emulator comes from; absent: the kernel starts it. */
  readonly emulatorOf?: StoredTree;
}

/**
 * An emulated interpreter takes several times as long as the program that it is compared with, which may be translated or
 * native: a time limit is meant for that one.
 */
const PATIENCE = 10;

/** CPython of the same version and pointer width, from the same locked archive, at the same prefix. */
export function referenceRuntime(plan: Plan, input: ReferenceInput): RuntimeInstance {
  const { packages, emulatorOf } = input;
  const home = packages?.home ?? input.home;
  const start = emulatorOf === undefined ? undefined : emulated(plan.referenceTarget, emulatorOf);
  const program = programAt(referenceProgram(plan));
  return {
    kind: 'reference',
    rootfs: input.reference.folder,
    mounts: [{ kind: 'tree', source: home.folder, at: PATHS.interpreter }, ...(start?.mounts ?? [])],
    command: start === undefined ? [program] : [...start.command, program],
    env: { ...plan.recipe.samples.env },
    ...(start === undefined
      ? {}
      : { emulation: start.emulation, emulator: start.emulator, patience: PATIENCE }),
    key: {
      interpreter: input.reference.fingerprint,
      bytecode: home.fingerprint,
      ...defined({ emulator: start?.key }),
    },
  };
}

/** Name of the reference's program: of a free-threaded Python that which was built with it. */
export function referenceProgram({ reference, sysroot }: Pick<Resolved, 'reference' | 'sysroot'>): string {
  return bringsInterpreter(sysroot) ? libraryName(sysroot.python) : (reference.tools.python ?? 'python3');
}

/** The interpreter of this machine in place of a reference that has to be emulated: for measurements. */
export function interpreterRuntime(
  plan: Plan,
  { interpreter, bytecode }: { readonly interpreter: StoredTree; readonly bytecode: Bytecode },
): RuntimeInstance {
  const natively: Plan = { ...plan, reference: plan.interpreter, referenceTarget: plan.hostTarget };
  const runtime = referenceRuntime(natively, { reference: interpreter, home: homeOf(bytecode) });
  return { ...runtime, command: [interpreterProgram(plan.interpreter)] };
}

type Bytecode = StoredTree & { readonly meta: { readonly home: string } };

/** The prefix of the interpreter that compiled the standard library. */
export function homeOf({ folder, fingerprint, meta }: Bytecode): StoredTree {
  return { folder: join(folder, meta.home), fingerprint };
}

/** Where a sandbox sees the reference interpreter. */
export function interpreterProgram({ tools }: ImageDefinition): string {
  return programAt(tools.python ?? 'python3');
}
