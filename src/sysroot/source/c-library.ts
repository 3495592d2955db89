import type { SourceSysroot } from '../../domain/definitions.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import type { Failure } from '../../failure.ts';

/**
 * Whether the locked C library is one that this minor version of CPython works with. WASI's makes no promise of
 * compatibility (PEP 816): a pair that does not fit may build, and hang or misbehave where nobody looks.
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
  const early = compareDebianVersions(locked.version, atLeast) < 0;
  if (!early && (below === undefined || compareDebianVersions(locked.version, below) < 0)) return undefined;
  return {
    code: 'recipe/c-library',
    what: `${cLibrary.package} ${locked.version} is too ${early ? 'old' : 'new'} for CPython ${python.version}.`,
    why: `It works with ${atLeast}${below === undefined ? ' or later' : ` up to, and not with, ${below}`}.`,
    fix: [
      `Take another C library or another Python for ${name} and lock it anew: \`provision lock\`.`,
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

/** Order of two versions (deb-version(7), "Sorting algorithm"): negative, zero, positive. */
export function compareDebianVersions(a: string, b: string): number {
  const [one, other] = [a, b].map(partsOf) as [Parts, Parts];
  return (
    one.epoch - other.epoch ||
    compareText(one.upstream, other.upstream) ||
    compareText(one.revision, other.revision)
  );
}

interface Parts {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
}

function partsOf(version: string): Parts {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/.exec(version) ?? [];
  const dash = rest.lastIndexOf('-');
  return {
    epoch: Number(epoch),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Text without digits and numbers in turn; an absent number is 0. */
function compareText(a: string, b: string): number {
  const pieces = (text: string): readonly RegExpMatchArray[] => [...text.matchAll(/(\D*)(\d*)/g)];
  const [left, right] = [pieces(a), pieces(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [, textA = '', numberA = ''] = left[i] ?? [];
    const [, textB = '', numberB = ''] = right[i] ?? [];
    const difference = compareLetters(textA, textB) || Number(numberA) - Number(numberB);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareLetters(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = weight(a[i]) - weight(b[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A tilde comes before the end, the end before letters, letters before anything else. */
function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
