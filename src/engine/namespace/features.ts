import { readFile } from 'node:fs/promises';

/** What the probe found out about this machine: how much of a sandbox the kernel grants us. */
export interface Features {
  /** The namespaces are made inside a user namespace: the only way without root. */
  readonly userNamespace: boolean;
  /** Programs run in a further user namespace, which has no power over the mounts of the sandbox. */
  readonly unprivileged: boolean;
  /** A `/proc` of its own. Refused where the outer one is partly masked; then the outer one is bound. */
  readonly ownProc: boolean;
  /** How the loopback of a sandbox without network is brought up: through a `/sys` of its own, by `ip`, not at all. */
  readonly loopback: 'sys' | 'ip' | 'down';
  /** Pseudo-terminals of its own (`/dev/pts`). */
  readonly terminals: boolean;
  /** Programs of another machine are started through an emulator that is registered for the sandbox (binfmt_misc). */
  readonly emulation: boolean;
}

/** Lines of `/proc/<pid>/{uid,gid}_map` for the namespace that programs run in: user_namespaces(7). */
export interface IdMaps {
  readonly users: string;
  readonly groups: string;
}

/**
 * A program keeps the ids of the user who runs us. Of an ordinary user only the own id exists in the outer user
 * namespace, as 0; root keeps every id it has.
 */
export async function idMaps(features: Features, uid: number, gid: number): Promise<IdMaps | undefined> {
  if (!features.unprivileged) return undefined;
  if (features.userNamespace) return { users: `${uid} 0 1`, groups: `${gid} 0 1` };
  return { users: await identity('/proc/self/uid_map'), groups: await identity('/proc/self/gid_map') };
}

async function identity(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .map(([inside, , count]) => `${inside} ${inside} ${count}`)
    .join('\n');
}

export function describeFeatures(features: Features): string {
  return [
    features.userNamespace ? 'in a user namespace' : 'as root',
    ...(features.unprivileged ? [] : ['programs keep power over the mounts of their sandbox']),
    ...(features.ownProc ? [] : ["the machine's /proc"]),
    ...(features.loopback === 'down' ? ['loopback down without network'] : []),
    ...(features.terminals ? [] : ['no pseudo-terminals']),
    ...(features.emulation ? [] : ['no emulation of its own for programs that programs start']),
  ].join('; ');
}
