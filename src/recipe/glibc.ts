import { compareReleases } from '../domain/glibc.ts';
import type { ChosenSystem } from '../domain/system.ts';
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
}

/** The libpythons that start with an older glibc than a point's, the oldest first. */
function olderPythons(axes: Axes, point: Chosen, named: boolean): readonly OtherPython[] {
  const own = floorOf(point, point.form);
  return formsOf(axes, point)
    .flatMap(({ name, from, isDefault }): readonly OtherPython[] => {
      const glibc = floorOf(point, name);
      if (own === undefined || glibc === undefined || compareReleases(glibc, own) >= 0) return [];
      if (named) return [{ line: `sysroot: ${name}`, glibc }];
      // Of the others a recipe that extends one cannot say the name.
      return isDefault ? [{ line: `python: {from: ${from}}`, glibc }] : [];
    })
    .toSorted((a, b) => compareReleases(a.glibc, b.glibc));
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
  readonly systems: readonly ChosenSystem[];
  readonly document: YamlDocument;
}

/**
 * The failure of a recipe that asks for an older glibc than its libpython starts with (`recipe/glibc-too-old`), by `glibc` or
 * by a system that it names: known before anything is fetched. What the whole bundle needs is measured when it is made.
 */
export function belowFloor({
  axes,
  point,
  named,
  floor,
  glibc,
  systems,
  document,
}: FloorsInput): readonly Failure[] {
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
  const others = olderPythons(axes, point, named);
  const cures = others.filter((other) => compareReleases(other.glibc, lowest) <= 0);
  return [
    {
      code: 'recipe/glibc-too-old',
      what: `The Python of this recipe (\`${point.form}\`) needs glibc ${floor}, and ${reasons.join(', ')}.`,
      fix: [
        ...(cures.length > 0
          ? cures.map((other) => `Write \`${other.line}\`: that Python starts with glibc ${other.glibc}.`)
          : [
              `No Python for \`${point.target.name}\` starts with less than glibc ${others[0]?.glibc ?? floor}${withoutGlibc(axes, point)}.`,
            ]),
        ...(asked.length === 0
          ? []
          : [`Where such systems need not be reached, write \`glibc: "${floor}"\`, or leave the key out.`]),
        ...(old.length === 0 ? [] : [`Where it need not run there, leave ${names} out of \`systems\`.`]),
      ],
      at: old[0]?.at !== undefined && asked.length === 0 ? old[0].at : document.locate(['glibc'], 'value'),
    },
  ];
}

/** That a program for musl needs none, where there is a target for it. */
function withoutGlibc({ targets }: Axes, { target: { machine } }: Chosen): string {
  const musl = targets.find((one) => one.libc === 'musl' && one.machine === machine);
  return musl === undefined ? '' : `; the target \`${musl.name}\` needs none`;
}
