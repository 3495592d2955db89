import type { DefinitionFile, ImageDefinition } from '../domain/definitions.ts';
import type { Lock, LockedPackage } from '../domain/packages.ts';
import type { Failure } from '../failure.ts';
import { lockCommand } from './lockfile.ts';

/**
 * The failure `lock/rust-std-differs` where a lock's standard library of Rust, in the set `set`, is of another version than
 * its compiler; undefined where both agree or the set is not in the lock.
 */
export function rustStdMismatch(
  file: DefinitionFile,
  { rustStd, tools }: ImageDefinition,
  lock: Lock,
  set: string,
): Failure | undefined {
  const named = Object.values(rustStd).flatMap((std) =>
    std.from === 'packages' && std.set === set ? std.tree.packages : [],
  );
  const rustc = (lock.sets.rootfs ?? []).find(({ name }) => name === (tools.rustc ?? 'rustc'));
  const std = (lock.sets[set] ?? []).find(({ name }) => named.includes(name));
  if (rustc === undefined || std === undefined || sourceVersion(std) === sourceVersion(rustc))
    return undefined;
  return {
    code: 'lock/rust-std-differs',
    what: `${file.id} has rustc ${rustc.version}, and for the target the standard library ${std.version}.`,
    why: 'A compiler reads only metadata of its own version.',
    fix: [`Resolve it again: \`${lockCommand(file)}\``],
  };
}

/** A package that was rebuilt from the same source has a number of its own after the version: `+b1`. */
function sourceVersion({ version }: LockedPackage): string {
  return version.replace(/\+b\d+$/, '');
}
