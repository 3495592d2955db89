import { compareReleases } from '../domain/glibc.ts';
import type { Failure } from '../failure.ts';
import type { YamlDocument } from './document.ts';
import { type Axes, type Chosen, formsOf } from './points.ts';

/** The oldest glibc that the libpython of a point starts with, where it is for glibc and states it. */
export function floorOf(
  { python, target }: Pick<Chosen, 'python' | 'target'>,
  form: string,
): string | undefined {
  const floor = python.value.forms[form]?.glibc;
  return typeof floor === 'string' ? floor : floor?.[target.name];
}

/**
 * The failure of a recipe that asks for an older glibc than its libpython starts with (`recipe/glibc-too-old`): known
 * before anything is fetched. Which one the whole bundle needs is measured when it is made.
 */
export function belowFloor(
  axes: Axes,
  point: Chosen,
  asked: string | undefined,
  named: boolean,
  document: YamlDocument,
): readonly Failure[] {
  const floor = floorOf(point, point.form);
  if (asked === undefined || floor === undefined || compareReleases(floor, asked) <= 0) return [];
  const cures = formsOf(axes, point).flatMap(({ name, from, isDefault }) => {
    const other = floorOf(point, name);
    if (other === undefined || compareReleases(other, asked) > 0) return [];
    const line = isDefault === false || named ? `sysroot: ${name}` : `python: {from: ${from}}`;
    return [`Write \`${line}\`: that Python starts with glibc ${other}.`];
  });
  const lowest = formsOf(axes, point)
    .flatMap(({ name }) => floorOf(point, name) ?? [])
    .toSorted(compareReleases)[0];
  return [
    {
      code: 'recipe/glibc-too-old',
      what: `The recipe says \`glibc: "${asked}"\`, and its Python (\`${point.form}\`) needs glibc ${floor}.`,
      fix: [
        ...cures,
        ...(cures.length === 0 && lowest !== undefined
          ? [
              `No Python for \`${point.target.name}\` starts with less than glibc ${lowest}${withoutGlibc(axes, point)}.`,
            ]
          : []),
        `Where such systems need not be reached, write \`glibc: "${floor}"\`, or leave the key out.`,
      ],
      at: document.locate(['glibc'], 'value'),
    },
  ];
}

/** That a program for musl needs none, where there is a target for it. */
function withoutGlibc({ targets }: Axes, { target: { machine } }: Chosen): string {
  const musl = targets.find((one) => one.libc === 'musl' && one.machine === machine);
  return musl === undefined ? '' : `; the target \`${musl.name}\` needs none`;
}
