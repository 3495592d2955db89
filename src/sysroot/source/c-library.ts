import { distribution } from '../../distro/distribution.ts';
import type { SourceSysroot } from '../../domain/definitions.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import type { Failure } from '../../failure.ts';

/**
 * Whether the locked C library is one that this minor version of CPython works with. WASI's makes no promise of
 * compatibility (PEP 816): a pair that does not fit may build, and hang or misbehave unnoticed.
 */
export function checkCLibrary(
  definition: SourceSysroot,
  packages: readonly LockedPackage[],
): Failure | undefined {
  const { name, python } = definition;
  const { cLibrary } = definition.source;
  if (cLibrary === undefined) return undefined;
  const range = cLibrary.ranges[python.version];
  if (range === undefined) {
    const known = Object.keys(cLibrary.ranges).join(', ');
    return {
      code: 'recipe/c-library-unknown',
      what: `${name} does not say which ${cLibrary.package} fits CPython ${python.version}.`,
      why: `It knows those for ${known}.`,
      fix: [
        `Add \`c-library\` to the form in ${python.name}/python.yaml; PEP 816 lists the SDK of each version.`,
      ],
    };
  }
  const locked = packages.find((one) => one.name === cLibrary.package);
  if (locked === undefined) return notLocked(definition, cLibrary.package);
  const { atLeast, below } = range;
  const early = distribution.compareVersions(locked.version, atLeast) < 0;
  if (!early && (below === undefined || distribution.compareVersions(locked.version, below) < 0))
    return undefined;
  return {
    code: 'recipe/c-library',
    what: `${cLibrary.package} ${locked.version} is too ${early ? 'old' : 'new'} for CPython ${python.version}.`,
    why: `It works with ${atLeast}${below === undefined ? ' or later' : ` up to, and not with, ${below}`}.`,
    fix: [
      `Take another C library or another Python for ${name} and lock it again: \`provision lock\`.`,
      'If you know that they fit, correct the range in `c-library` there.',
    ],
  };
}

function notLocked({ name }: SourceSysroot, library: string): Failure {
  return {
    code: 'recipe/c-library-unknown',
    what: `The lock of ${name} has no ${library}, whose version decides whether CPython works.`,
    fix: [`Add ${library} to \`sysroot.packages\`, or correct \`c-library\`.`],
  };
}
