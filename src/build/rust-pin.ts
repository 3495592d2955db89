import { rustPin, satisfiesPin } from '../crate/rust-toolchain.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { rustRelease } from './rust-version.ts';

/** The notice about a `rust-toolchain.toml` that asks for another Rust than the toolchain image has; undefined where none does. */
export async function pinNotice(resolved: Resolved, toolchain: readonly LockedPackage[]) {
  // rustup has read it already.
  if (resolved.rust !== undefined) return undefined;
  const pin = await rustPin(resolved.recipe.project.folder);
  const release = rustRelease(resolved, toolchain);
  if (pin === undefined || pin.unreadable === true || release === undefined) return undefined;
  if (satisfiesPin(release, pin)) return undefined;
  const asked = pin.channel === undefined ? `the toolchain in ${pin.path}` : `Rust ${pin.channel}`;
  const own =
    resolved.target.libc === 'gnu' && resolved.rustStd.from === 'packages'
      ? '`rust: host` in the recipe takes the one that rustup selects there, with the target added to it.'
      : "For this target only the image's Rust has a standard library for the C library that CPython is built against.";
  return {
    type: 'notice',
    level: 'warning',
    code: 'build/rust-toolchain',
    message: `${pin.file} asks for ${asked}; the build uses Rust ${release} of the toolchain image \`${resolved.toolchain.name}\`. ${own}`,
  } as const;
}
