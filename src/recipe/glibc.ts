import { defined } from '../domain/defined.ts';
import type { PythonOrigin, Recipe } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { ChosenSystem } from '../domain/system.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { YamlDocument } from './document.ts';
import { list } from './message-text.ts';
import { type Axes, type Chosen, formsOf } from './points.ts';
import { floorOf } from './pythons.ts';

/** Another libpython of the same version for the target. */
interface OtherPython {
  /** What a recipe says to have it. */
  readonly line: string;
  readonly glibc: string;
  readonly from: PythonOrigin | undefined;
}

/** The libpythons that start with an older glibc than a point's, the oldest first. */
function olderPythons(axes: Axes, point: Chosen, named: boolean): readonly OtherPython[] {
  const own = floorOf(point, point.form);
  return (
    formsOf(axes, point)
      .flatMap(({ name, from, isDefault }): readonly OtherPython[] => {
        const glibc = floorOf(point, name);
        if (own === undefined || glibc === undefined || compareReleases(glibc, own) >= 0) return [];
        if (named) return [{ line: `sysroot: ${name}`, glibc, from }];
        // Of the others a recipe that extends one cannot say the name.
        return isDefault ? [{ line: `python: {from: ${from}}`, glibc, from }] : [];
      })
      // Of one origin there are two, by linkage.
      .filter(({ line }, index, all) => all.findIndex((other) => other.line === line) === index)
      .toSorted((a, b) => compareReleases(a.glibc, b.glibc))
  );
}

/** The line of a recipe for the libpython that starts with the oldest glibc, where that is another one. */
export function lineOfOldest(axes: Axes, point: Chosen, named: boolean): string | undefined {
  return olderPythons(axes, point, named)[0]?.line;
}

export interface FloorsInput {
  readonly axes: Axes;
  readonly point: Chosen;
  /** The recipe names its sysroot. */
  readonly named: boolean;
  /** The recipe's `glibc`. */
  readonly glibc: string | undefined;
  /** The glibc that its libpython starts with. */
  readonly floor: string | undefined;
  /** The oldest release that a Python from source can be linked for. */
  readonly oldestRelease: string | undefined;
  readonly systems: readonly ChosenSystem[];
  readonly document: YamlDocument;
}

/**
 * The failure of a recipe that asks for an older glibc than its libpython starts with (`recipe/glibc-too-old`), by `glibc` or
 * by a system that it names: known before anything is fetched. What the whole bundle needs is measured when it is made.
 */
export function belowFloor(input: FloorsInput): readonly Failure[] {
  const { point, floor, glibc, systems, document } = input;
  if (floor === undefined) return [];
  const tooOld = (release: string | undefined): release is string =>
    release !== undefined && compareReleases(release, floor) < 0;
  const asked = tooOld(glibc) ? [glibc] : [];
  const old = systems.filter(({ at, definition }) => at !== undefined && tooOld(definition.glibc));
  const releases = [...asked, ...old.flatMap(({ definition }) => definition.glibc ?? [])];
  const [lowest] = releases.toSorted(compareReleases);
  if (lowest === undefined) return [];
  const names = list(old.map(({ definition: { name } }) => name));
  const reasons = [
    ...asked.map((release) => `the recipe says \`glibc: "${release}"\``),
    ...old.map(({ definition: { name, glibc: has } }) => `the system \`${name}\` has ${has}`),
  ];
  const { cures, why, oldest } = curesOf(input, lowest);
  return [
    {
      code: 'recipe/glibc-too-old',
      what: `The Python of this recipe (\`${point.form}\`) needs glibc ${floor}, and ${reasons.join(', ')}.`,
      ...defined({ why }),
      fix: [
        ...cures,
        ...(asked.length === 0
          ? []
          : [`Where such systems need not be reached, write \`glibc: "${oldest}"\`, or leave the key out.`]),
        ...(old.length === 0 ? [] : [`Where it need not run there, leave ${names} out of \`systems\`.`]),
      ],
      at: old[0]?.at !== undefined && asked.length === 0 ? old[0].at : document.locate(['glibc'], 'value'),
    },
  ];
}

/** A recipe whose `glibc` says nothing, as its target has another C library (`recipe/no-glibc`). */
export function otherLibrary(
  { glibc }: Pick<Recipe, 'glibc'>,
  document: YamlDocument,
  { name, libc }: Pick<Target, 'name' | 'libc'>,
): readonly Failure[] {
  if (glibc === undefined || libc === 'gnu') return [];
  return [
    {
      code: 'recipe/no-glibc',
      what: `\`glibc: "${glibc}"\` has no meaning for \`${name}\`.`,
      why: `Its programs have no glibc: their C library is ${libc === 'musl' ? 'musl' : 'that of WASI'}.`,
      fix: ['Remove `glibc`, or have it in a recipe for another target alone.'],
      at: document.locate(['glibc'], 'value'),
    },
  ];
}

interface Cures {
  readonly cures: readonly string[];
  readonly why?: string;
  /** The oldest release that this libpython can be had for. */
  readonly oldest: string;
}

/** What to write for a program that starts with a release. */
function curesOf(input: FloorsInput, release: string): Cures {
  const { axes, point, named, floor = '', oldestRelease } = input;
  const reaches = (glibc: string) => compareReleases(glibc, release) <= 0;
  const fromSource = axes.forms.find(({ name }) => name === point.form)?.from === 'source';
  const oldest = (fromSource ? oldestRelease : undefined) ?? floor;
  // Asked for by `glibc` it would have been linked for it.
  if (reaches(oldest))
    return {
      oldest,
      cures: [`Write \`glibc: "${release}"\`: Python and program are linked for that release.`],
    };
  const others = olderPythons(axes, point, named);
  const linkable = others.filter(({ from }) => from === 'source' && oldestRelease !== undefined);
  const cures = others.flatMap((other) => {
    if (reaches(other.glibc))
      return [`Write \`${other.line}\`: that Python starts with glibc ${other.glibc}.`];
    if (!linkable.includes(other) || !reaches(oldestRelease ?? floor)) return [];
    return [
      `Write \`${other.line}\` and \`glibc: "${release}"\`: that Python can be linked for that release.`,
    ];
  });
  if (cures.length > 0) return { oldest, cures };
  const least = linkable.length > 0 ? oldestRelease : others[0]?.glibc;
  const none = `No Python for \`${point.target.name}\` starts with less than glibc ${least ?? oldest}${withoutGlibc(axes, point)}.`;
  const newer = oldestRelease === undefined && point.target.libc === 'gnu' ? laterLibrary(point) : undefined;
  return { oldest, cures: [none], ...defined({ why: newer }) };
}

function laterLibrary({ target: { name, cLibrary } }: Chosen): string {
  const library = cLibrary.replace('-', ' ');
  return (
    `The oldest C library to link with for \`${name}\`, ${library}, cannot stand for an earlier release: since 2.34 the C ` +
    'library itself has what was in libraries of their own before, such as threads.'
  );
}

/** That a program for musl needs none, where there is a target for it. */
function withoutGlibc({ targets }: Axes, { target: { machine } }: Chosen): string {
  const musl = targets.find((one) => one.libc === 'musl' && one.machine === machine);
  return musl === undefined ? '' : `; the target \`${musl.name}\` needs none`;
}
