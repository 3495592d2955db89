import { distribution } from '../distro/distribution.ts';
import type { Target } from '../domain/target.ts';

/** The distribution's name for packages that are the same on every architecture. */
const EVERY = 'all';

/** Architecture of a target's own packages; where every one of them is of all architectures, that of the toolchain. */
export function packagesOf(target: Target, toolchain: string): string {
  const own = distribution.architectureOf(target);
  return own === EVERY ? toolchain : own;
}

/** The architecture of the toolchain, where a target's own packages are of all architectures: its trees differ by it. */
export function toolchainIn(target: Target, toolchain: string): string | undefined {
  return distribution.architectureOf(target) === EVERY ? toolchain : undefined;
}

/** Architectures that targets have packages of. */
export function architecturesOf(targets: readonly Target[]): readonly string[] {
  return [...new Set(targets.map(distribution.architectureOf))].filter((name) => name !== EVERY);
}

/** The target that programs of an architecture's own packages are of: an image runs on it. */
export function hostTargetOf(targets: readonly Target[], architecture: string): Target | undefined {
  return targets.find((one) => one.libc === 'gnu' && distribution.architectureOf(one) === architecture);
}

/** Architecture of packages that run on a machine, as `uname -m` names it. */
export function architectureOn(targets: readonly Target[], machine: string): string | undefined {
  const host = targets.find((one) => one.libc === 'gnu' && one.machine === machine);
  return host === undefined ? undefined : distribution.architectureOf(host);
}
