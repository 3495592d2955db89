import { defined } from '../domain/defined.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { Target } from '../domain/target.ts';
import type { MarkerEnvironment } from './marker.ts';
import type { WheelTags } from './wheel-name.ts';

/** The interpreter that packages are chosen for. */
export interface PackageEnvironment {
  /** Rust's triple, for messages. */
  readonly triple: string;
  /** e.g. `3.13.5`. */
  readonly version: string;
  readonly tags: WheelTags;
  /** Values of the variables of markers. */
  readonly variables: Readonly<Record<string, string>>;
  /** Why there are no platform tags. */
  readonly why?: string;
}

/**
 * The environment of a target: markers are evaluated, and wheels chosen, for it and not for the machine that builds.
 * `system` is what `os`, `sys` and `platform` say there; `glibc` the release that programs are linked for, where that is older.
 */
export function packageEnvironment(
  target: Target,
  python: { readonly version: string; readonly abiflags: string },
  rootfs: readonly LockedPackage[],
  system: Readonly<Record<string, string>>,
  glibc?: string,
): PackageEnvironment {
  const minor = python.version.split('.').slice(0, 2).join('.');
  const { platforms, why } = wheelPlatforms(target, rootfs, glibc);
  return {
    triple: target.rustTriple,
    version: python.version,
    tags: { minor, abiflags: python.abiflags, platforms },
    variables: {
      ...system,
      ...interpreterVariables(python.version, minor),
      platform_machine: target.machine,
    },
    ...defined({ why }),
  };
}

function interpreterVariables(version: string, minor: string): Readonly<Record<string, string>> {
  return {
    python_version: minor,
    python_full_version: version,
    implementation_name: 'cpython',
    implementation_version: version,
    platform_python_implementation: 'CPython',
    // Of a kernel that is not known beforehand.
    platform_release: '',
    platform_version: '',
  };
}

export function markersOf(
  { variables }: PackageEnvironment,
  asked: { readonly extras?: readonly string[]; readonly groups?: readonly string[] } = {},
): MarkerEnvironment {
  return { variables, extras: asked.extras ?? [], groups: asked.groups ?? [] };
}

/** The oldest glibc that wheels are named for (PEP 600), and the musl ones that there are (PEP 656). */
const OLDEST_GLIBC = 5;
const MUSL = ['1_2', '1_1'];

/**
 * Platform tags of the wheels that a target runs, best first: up to the glibc in its run-time tree, or the older one that its
 * programs are linked for. A program without a program interpreter loads no extension modules.
 */
export function wheelPlatforms(
  target: Target,
  rootfs: readonly LockedPackage[],
  glibc?: string,
): { readonly platforms: readonly string[]; readonly why?: string } {
  if (target.elf?.interpreter === undefined) {
    const why = `Programs for ${target.rustTriple} are static and load no extension modules: only pure Python packages can be used.`;
    return { platforms: [], why };
  }
  const { machine } = target;
  if (target.libc === 'musl') return { platforms: MUSL.map((version) => `musllinux_${version}_${machine}`) };
  const libc = glibc ?? rootfs.find(({ name }) => /^libc\d+(\.\d+)?$/.test(name))?.version;
  const minor = Number(/^2\.(\d+)/.exec(libc ?? '')?.[1] ?? OLDEST_GLIBC);
  const platforms: string[] = [];
  for (let version = minor; version >= OLDEST_GLIBC; version -= 1) {
    platforms.push(`manylinux_2_${version}_${machine}`);
    // The names of before PEP 600.
    const old = { 17: 'manylinux2014', 12: 'manylinux2010', 5: 'manylinux1' }[version];
    if (old !== undefined) platforms.push(`${old}_${machine}`);
  }
  return { platforms };
}
