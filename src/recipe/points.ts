import { isShared } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { architecturesOf } from './architectures.ts';
import { type FormHead, fits } from './choose-form.ts';
import { combineFailures } from './combine-failures.ts';
import type { YamlDocument } from './document.ts';
import { formFile, formNames } from './folders.ts';
import type { Loaded } from './load.ts';
import { loadPyo3Releases, type Pyo3Releases } from './python-fit.ts';
import { floorOf, loadPythons, type PythonDefinition } from './pythons.ts';
import { openReader, type Reader } from './reader.ts';
import type { Point } from './sysroots.ts';
import { type BrokenTarget, readTargets } from './targets.ts';
import { unknown } from './unknown-name.ts';

/** The axes: everything that can be provisioned is a point of them. */
export interface Axes {
  /** Targets whose files are invalid. */
  readonly broken: readonly BrokenTarget[];
  readonly targets: readonly Target[];
  /** The newest first. */
  readonly pythons: readonly Loaded<PythonDefinition>[];
  readonly forms: readonly FormHead[];
  /** Which versions of CPython the releases of PyO3 compile for. */
  readonly pyo3: Pyo3Releases;
}

export async function loadAxes(home: string, read: Reader = openReader()): Promise<Result<Axes>> {
  const [targets, pythons, forms, pyo3] = await Promise.all([
    readTargets(home, read),
    loadPythons(home, read),
    loadHeads(home, read),
    loadPyo3Releases(home, read),
  ]);
  const failure = combineFailures([pythons, forms, pyo3].flatMap((one) => (one.ok ? [] : [one.error])));
  if (failure !== undefined) return err(failure);
  if (!pythons.ok || !forms.ok || !pyo3.ok) throw new Error('a failure got lost');
  const names = forms.value.map(({ name }) => name);
  const strange = pythons.value.flatMap(({ value, document }) =>
    Object.keys(value.forms).flatMap((name) =>
      names.includes(name) ? [] : [unknown('sysroot', name, names, document, ['forms', name], 'key')],
    ),
  );
  const mistaken = combineFailures([...strange, ...strangeTargets(pythons.value, targets)]);
  if (mistaken !== undefined) return err(mistaken);
  return ok({
    targets: targets.loaded.map(({ value }) => value),
    broken: targets.broken,
    pythons: pythons.value,
    forms: forms.value,
    pyo3: pyo3.value,
  });
}

/** Targets that a Python names and that there are not. */
function strangeTargets(
  pythons: readonly Loaded<PythonDefinition>[],
  { loaded, broken }: Awaited<ReturnType<typeof readTargets>>,
): readonly Failure[] {
  const known = [...loaded.map(({ value }) => value.name), ...broken.map(({ name }) => name)];
  return pythons.flatMap(({ value, document }) =>
    Object.entries(value.forms).flatMap(([form, { targets = [] }]) =>
      targets.flatMap((name, i) =>
        known.includes(name) ? [] : [unknown('target', name, known, document, ['forms', form, 'targets', i])],
      ),
    ),
  );
}

async function loadHeads(home: string, read: Reader): Promise<Result<readonly FormHead[]>> {
  const heads: FormHead[] = [];
  for (const name of formNames(home)) {
    const document = await read(formFile(home, name));
    if (!document.ok) return document;
    const parsed = document.value.value as {
      libc?: unknown;
      kind?: unknown;
      default?: unknown;
      cpython?: { configure?: unknown };
    } | null;
    const libc =
      parsed?.libc === 'gnu' || parsed?.libc === 'musl' || parsed?.libc === 'wasi' ? parsed.libc : undefined;
    const from =
      parsed?.kind === 'packages' ? 'packages' : parsed?.kind === 'cpython-source' ? 'source' : undefined;
    const configure = parsed?.cpython?.configure;
    // What is a crate is part of the program.
    const dynamic = from === 'packages' || (Array.isArray(configure) && isShared({ configure }));
    const linkage = dynamic ? 'dynamic' : 'static';
    const head: FormHead = { name, libc, from, linkage, isDefault: parsed?.default === true };
    const other = heads.find((one) => areBothDefault(one, head));
    if (other !== undefined) return err(secondDefault(other, document.value));
    heads.push(head);
  }
  return ok(heads);
}

/** One form of each origin and linkage is the default of a C library. */
function areBothDefault(one: FormHead, other: FormHead): boolean {
  return (
    one.libc === other.libc &&
    one.from === other.from &&
    one.linkage === other.linkage &&
    one.isDefault &&
    other.isDefault
  );
}

function secondDefault({ name, libc }: FormHead, document: YamlDocument): Failure {
  return {
    code: 'recipe/second-default',
    what: `The default sysroot of the C library \`${libc}\` and of its kind is \`${name}\` already.`,
    fix: ['Remove `default` from one of the two.'],
    at: document.locate(['default'], 'key'),
  };
}

/** The same for commands about all targets. Fails if one of their files is invalid. */
export async function loadAllAxes(home: string, read: Reader = openReader()): Promise<Result<Axes>> {
  const axes = await loadAxes(home, read);
  if (!axes.ok) return axes;
  const failure = combineFailures(axes.value.broken.map((one) => one.failure));
  return failure === undefined ? axes : err(failure);
}

export type Chosen = Pick<Point, 'form' | 'target' | 'python' | 'variant' | 'shipped'>;

/** Architectures that a Python is locked for in a form. */
export function shippedFor({ targets }: Axes, form: FormHead, python: PythonDefinition): readonly string[] {
  const fitting = targets.filter((target) => fits(python, form, target));
  return architecturesOf(fitting);
}

/** The forms that there are of a Python for a target. */
export function formsOf(
  { forms }: Axes,
  { python, target }: Pick<Chosen, 'python' | 'target'>,
): readonly FormHead[] {
  return forms.filter((form) => fits(python.value, form, target));
}

/** Every point that has a lock: combinations of target, Python and form. */
export function allPoints(axes: Axes): readonly Chosen[] {
  return axes.forms.flatMap((form) =>
    axes.pythons.flatMap((python) =>
      axes.targets
        .filter((target) => fits(python.value, form, target))
        .flatMap((target) => {
          const shipped = shippedFor(axes, form, python.value);
          const point = { form: form.name, target, python, shipped };
          const older = withOlderLibrary(point, target.older?.glibc);
          return older === point ? [point] : [point, older];
        }),
    ),
  );
}

/**
 * The same point, its Python and program linked with the target's older C library, where only that one starts with the glibc that
 * is asked for.
 */
export function withOlderLibrary<T extends Chosen>(point: T, asked: string | undefined): T {
  const { target, form, python } = point;
  const { older } = target;
  const floor = floorOf(point, form);
  if (older === undefined || asked === undefined || floor === undefined) return point;
  const packaged = typeof python.value.forms[form]?.glibc === 'string';
  if (packaged || compareReleases(asked, floor) >= 0 || compareReleases(asked, older.glibc) < 0) return point;
  return { ...point, target: { ...target, cLibrary: older.cLibrary, startsWith: older.glibc } };
}
