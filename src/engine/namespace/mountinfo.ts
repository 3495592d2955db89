import { readFile } from 'node:fs/promises';
import { isWithin } from '../paths.ts';

/** A mount of the host. Source: proc_pid_mountinfo(5). */
export interface HostMount {
  readonly at: string;
  /** Per-mount options: `ro`, `nosuid`, … */
  readonly options: readonly string[];
}

/**
 * What a remount of a bind has to repeat when the origin has it: inside a user namespace these are locked, and a
 * remount that leaves one out is refused (mount_namespaces(7)). The access-time flags are locked too; the kernel
 * keeps them when a remount names none.
 */
const LOCKED = ['nosuid', 'nodev', 'noexec'];

export async function readHostMounts(): Promise<readonly HostMount[]> {
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

export function parseMountinfo(text: string): readonly HostMount[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length > 5)
    .map((fields) => ({ at: decode(fields[4] as string), options: (fields[5] as string).split(',') }));
}

export function lockedOptions(mounts: readonly HostMount[], path: string): readonly string[] {
  const holding = mounts.filter(({ at }) => isWithin(path, at));
  const longest = Math.max(...holding.map(({ at }) => at.length));
  // Of several mounts at one path the last is on top.
  const top = holding.findLast(({ at }) => at.length === longest);
  return LOCKED.filter((option) => top?.options.includes(option) ?? false);
}

/** Mount points strictly below a folder, outermost first. */
export function mountsBelow(mounts: readonly HostMount[], path: string): readonly string[] {
  const below = mounts.map(({ at }) => at).filter((at) => at !== path && isWithin(at, path));
  return [...new Set(below)].sort((a, b) => a.split('/').length - b.split('/').length);
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function decode(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
