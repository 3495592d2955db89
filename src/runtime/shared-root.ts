import type { Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { CAPABILITIES } from './capabilities.ts';
import type { RuntimeInstance } from './instance.ts';

/** Where a sandbox that several instances share has the bundle of one, and the target's root where it is needed. */
export interface SharedPaths {
  readonly bundle: string;
  readonly root: string;
}

/** An instance in a root that is not its own: what has to be mounted there, and its command line. */
export function inSharedRoot(
  instance: RuntimeInstance,
  at: SharedPaths,
): { readonly mounts: readonly Mount[]; readonly command: RuntimeInstance['command'] } {
  const { rootOption } = CAPABILITIES[instance.kind];
  const mounts = instance.mounts.map((mount) =>
    mount.at === PATHS.interpreter ? { ...mount, at: at.bundle } : mount,
  );
  const [program, ...words] = relocated(instance.command, at.bundle);
  if (rootOption === undefined) return { mounts, command: [program, ...words] };
  return {
    mounts: [...mounts, { kind: 'tree', source: instance.rootfs, at: at.root }],
    command: [program, rootOption, at.root, ...words],
  };
}

function relocated(command: RuntimeInstance['command'], bundle: string): RuntimeInstance['command'] {
  return command.map((word, i, all) => {
    // What a program of WebAssembly sees stays where it was (`host::guest`), its own name too.
    if (all[i - 1] === '--argv0') return word;
    if (word === PATHS.interpreter) return `${bundle}::${PATHS.interpreter}`;
    return word.startsWith(`${PATHS.interpreter}/`) ? bundle + word.slice(PATHS.interpreter.length) : word;
  }) as unknown as RuntimeInstance['command'];
}
