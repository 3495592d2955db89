import type { Resolved } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { Failure } from '../failure.ts';

/** The failure for a crate that needs a newer Rust than it gets; it is found before anything is fetched. */
export function rustTooOld(resolved: Resolved, toolchain: readonly LockedPackage[]): Failure | undefined {
  const { crate, rust, toolchain: image, recipe } = resolved;
  if (crate.rustVersion === undefined) return undefined;
  const has = rustRelease(resolved, toolchain);
  if (has === undefined || compareReleases(has, crate.rustVersion) >= 0) return undefined;
  const where = rust === undefined ? `the toolchain image \`${image.name}\`` : 'your own toolchain';
  return {
    code: 'build/rust-too-old',
    what: `\`${crate.name}\` needs Rust ${crate.rustVersion} or newer, and ${where} has ${has}.`,
    why: 'Its Cargo.toml sets `rust-version`; cargo would refuse to build it.',
    fix:
      rust === undefined
        ? [
            ...(recipe.rust === 'stable' && image.next !== undefined
              ? ['Remove `rust: stable`: the newer one is taken where a crate asks for it.']
              : []),
            `Build with your own Rust: \`rust: host\` in ${recipe.file} (rustup, with the target's standard library).`,
            secondWay(resolved) ??
              `Or support Rust ${has}: lower \`rust-version\`, and select compatible crates with \`CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback cargo update\`.`,
          ]
        : [
            'Run `rustup update`, or set a newer toolchain in `rust-toolchain.toml`.',
            secondWay(resolved) ?? 'Or lower `rust-version` in Cargo.toml.',
          ],
  };
}

/** An implementation that is a crate asks for a Rust itself: nothing in the program's own crate changes that. */
function secondWay({ sysroot: { python }, target }: Resolved): string | undefined {
  if (python.implementation === 'CPython') return undefined;
  return `Or run the scripts on CPython, which needs no newer Rust: \`provision ${target.recipe}\`.`;
}

/** The version of a build's Rust, e.g. `1.85.1`. */
export function rustRelease({ rust }: Resolved, toolchain: readonly LockedPackage[]): string | undefined {
  const packaged = toolchain.find(({ name }) => name === 'rustc')?.version;
  return rust?.release ?? packaged?.replace(/^\d+:/, '').replace(/[^0-9.].*$/, '');
}
