import { join } from 'node:path';
import type { ImageDefinition } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import { PATHS } from '../engine/paths.ts';
import { programAt } from './bundled.ts';
import { programExit } from './exit.ts';
import type { RuntimeInstance } from './instance.ts';
import type { Runtime } from './runtime.ts';

export const REFERENCE: Runtime = { kind: 'reference', readExit: programExit };

export interface ReferenceInput {
  readonly reference: StoredTree;
  /** The interpreter's prefix with its standard library compiled; `home` is its folder. */
  readonly bytecode: StoredTree & { readonly meta: { readonly home: string } };
  /** The same with Python packages in it. */
  readonly packages?: { readonly home: StoredTree };
}

/** CPython of the same version for the machine that builds, from the same locked archive, at the same prefix. */
export function referenceRuntime(plan: Plan, input: ReferenceInput): RuntimeInstance {
  const { bytecode, packages } = input;
  const home = packages?.home.folder ?? join(bytecode.folder, bytecode.meta.home);
  return {
    kind: 'reference',
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

/** Where a sandbox sees the reference interpreter. */
export function interpreterProgram({ tools }: ImageDefinition): string {
  return programAt(tools.python ?? 'python3');
}
