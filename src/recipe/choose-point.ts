import { defined } from '../domain/defined.ts';
import type { PythonOrigin } from '../domain/definitions.ts';
import type { Linkage, PythonImplementation } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { chooseForm, type FormHead, fits } from './choose-form.ts';
import { noSuchVariant, unknownVariant } from './choose-variant.ts';
import { combineFailures } from './combine-failures.ts';
import type { YamlDocument } from './document.ts';
import type { Loaded } from './load.ts';
import { list } from './message-text.ts';
import { type Axes, type Chosen, shippedFor } from './points.ts';
import { type CrateNeeds, misfitFailure, misfitOf } from './python-fit.ts';
import type { PythonDefinition } from './pythons.ts';
import { unknown } from './unknown-name.ts';

/** The axes that a recipe states; the rest is derived. */
export interface Asked {
  readonly target: string;
  readonly sysroot?: string;
  /** Absent: CPython. */
  readonly pythonImplementation?: PythonImplementation;
  readonly pythonVersion?: string;
  /** The version was given on the command line, not in the recipe. */
  readonly versionIsOption?: boolean;
  readonly pythonFrom?: PythonOrigin;
  readonly pythonLinkage?: Linkage;
  /** The target was named on the command line: what the recipe says of its own may not be there for this one. */
  readonly borrowed?: boolean;
  readonly variant?: string;
  /** It was given on the command line. */
  readonly variantIsOption?: boolean;
}

/** A point, and why its Python is not the one that is taken otherwise. */
export type Choice = Chosen & { readonly because?: string };

const NO_NEEDS: CrateNeeds = { env: {} };

/**
 * The point that a recipe selects, of the Pythons that its crate compiles for. Fails with the location of every key that
 * names something unknown.
 */
export function choosePoint(
  axes: Axes,
  asked: Asked,
  document: YamlDocument,
  needs: CrateNeeds = NO_NEEDS,
): Result<Choice> {
  const { targets, broken } = axes;
  const wrong = broken.find(({ name, triple }) => [name, triple].includes(asked.target));
  if (wrong !== undefined) return err(wrong.failure);
  const target = targets.find(({ name, rustTriple }) => [name, rustTriple].includes(asked.target));
  const { pythonVersion: version, pythonImplementation: implementation = 'CPython' } = asked;
  const pythons = axes.pythons.filter(({ value }) => value.implementation === implementation);
  const about: Question = { axes: { ...axes, pythons }, asked, document, needs };
  const versions = pythons.map(({ value }) => value.word);
  const known = version === undefined || versions.includes(version);
  const strange = unknownVariant(axes, asked, document);
  const chosen = target === undefined || !known || strange ? undefined : chooseFor(target, about);
  if (chosen !== undefined) return chosen;
  const form = formOf(about, target);
  const failure = combineFailures([
    ...(target === undefined
      ? [
          unknown(
            'target',
            asked.target,
            targets.map(({ name }) => name),
            document,
            ['target'],
          ),
        ]
      : []),
    ...(form === undefined || form.ok ? [] : [form.error]),
    ...(version === undefined || known ? [] : [nobodyHas(version, versions, about)]),
    ...(strange === undefined ? [] : [strange]),
  ]);
  if (failure === undefined) throw new Error('a failure got lost');
  return err(failure);
}

interface Question {
  readonly axes: Axes;
  readonly asked: Asked;
  readonly document: YamlDocument;
  readonly needs: CrateNeeds;
}

function chooseFor(target: Target, about: Question): Result<Choice> {
  const { axes, asked } = about;
  const { pythonVersion: version } = asked;
  const wanted = inOrder(axes.pythons).filter(({ value }) => version === undefined || value.word === version);
  const inSome = (value: PythonDefinition, variant?: string): boolean =>
    axes.forms.some((form) => fits(value, form, target, variant));
  if (asked.variant !== undefined && !wanted.some(({ value }) => inSome(value, asked.variant))) {
    const { variant, ...plain } = asked;
    // What a recipe says of its own target may not be there for another one.
    if (asked.borrowed === true && asked.variantIsOption !== true)
      return chooseFor(target, { ...about, asked: plain });
    return err(noSuchVariant(axes, asked, variant, target, about.document));
  }
  const there = wanted.filter(({ value }) => inSome(value, asked.variant));
  const isNamed = version !== undefined;
  const compiled = there.filter(({ value }) => misfitIn(value, about, isNamed) === undefined);
  const named = axes.forms.find(({ name }) => name === asked.sysroot);
  const isMisfit = named !== undefined && named.libc !== target.libc;
  const { pythonImplementation: implementation = 'CPython' } = asked;
  if (implementation !== 'CPython' && there.length === 0)
    return err(noneOf(implementation, target, wanted, about));
  if (version !== undefined && there.length === 0 && !isMisfit) return err(noneFor(target, version, about));
  if (there.length > 0 && compiled.length === 0) return err(notForCrate(target, there, about));
  const chosen = chooseOf(target, compiled.length === 0 ? wanted : compiled, about);
  if (!chosen.ok || compiled.length === there.length) return chosen;
  const otherwise = chooseOf(target, there, about);
  if (!otherwise.ok || otherwise.value.python === chosen.value.python) return chosen;
  const misfit = misfitIn(otherwise.value.python.value, about);
  return ok({ ...chosen.value, ...defined({ because: misfit && `${misfit.says}.` }) });
}

/** Why the crate does not compile for a Python, in the variant that is asked for. */
function misfitIn({ version, variants }: PythonDefinition, about: Question, named = false) {
  const { axes, asked, needs } = about;
  const flags = asked.variant === undefined ? undefined : variants[asked.variant]?.abiflags;
  const freeThreaded = flags?.includes('t') === true;
  return misfitOf(version, needs, axes.pyo3, { named, freeThreaded });
}

/** The newest first, but those that are taken on request last. */
function inOrder(pythons: Axes['pythons']): Axes['pythons'] {
  return pythons.toSorted((a, b) => Number(a.value.onRequest) - Number(b.value.onRequest));
}

/** The form of any version: mistakes in what is said of it are reported beside others. */
function formOf(
  { axes, asked, document }: Question,
  target: Target | undefined,
): Result<FormHead> | undefined {
  if (target === undefined && asked.sysroot === undefined) return undefined;
  const { pythonVersion: _, variant: __, ...rest } = asked;
  return chooseForm(axes, rest, target, document);
}

function chooseOf(target: Target, pythons: Axes['pythons'], about: Question): Result<Choice> {
  const { axes, asked, document } = about;
  const form = chooseForm({ ...axes, pythons }, asked, target, document);
  if (!form.ok) return form;
  const { variant } = asked;
  const python = pythons.find(({ value }) => fits(value, form.value, target, variant));
  if (python === undefined) return err(sysrootMisfit(form.value, target, about));
  return ok({
    form: form.value.name,
    target,
    python,
    shipped: shippedFor(axes, form.value, python.value),
    ...defined({ variant }),
  });
}

/** Where the version is asked for; of one from the command line no file says it. */
function placeOf({ asked, document }: Question): { readonly at?: SourcePosition } {
  if (asked.versionIsOption === true) return {};
  const keys = [['python', 'version'], ['extends'], ['target']];
  const path = keys.find((one) => document.written(one) !== undefined);
  return path === undefined ? {} : { at: document.locate(path, 'value') };
}

function nobodyHas(version: string, versions: readonly string[], about: Question): Failure {
  const { at: _, ...failure } = unknown('python', version, versions, about.document, ['python', 'version']);
  const free = freeVariant(version, about);
  return { ...failure, ...(free === undefined ? {} : { fix: [free] }), ...placeOf(about) };
}

/** `3.13t` where the free-threaded build is a variant of 3.13. */
function freeVariant(version: string, { axes }: Question): string | undefined {
  const { value } = axes.pythons.find(({ value: { word } }) => `${word}t` === version) ?? {};
  const [variant] =
    Object.entries(value?.variants ?? {}).find(([, { abiflags }]) => abiflags.includes('t')) ?? [];
  if (value === undefined || variant === undefined) return undefined;
  return `It is a variant: \`--python ${value.word}+${variant}\`, or \`variant: ${variant}\` in the recipe.`;
}

/** Versions that there are for a target. */
function versionsFor({ axes }: Question, target: Target): readonly string[] {
  return axes.pythons
    .filter(({ value }) => axes.forms.some((form) => fits(value, form, target)))
    .map(({ value }) => value.word);
}

function noneFor(target: Target, version: string, about: Question): Failure {
  const { axes } = about;
  const python = axes.pythons.find(({ value }) => value.word === version)?.value;
  const targets = axes.targets.filter(
    (one) => python !== undefined && axes.forms.some((form) => fits(python, form, one)),
  );
  const others = versionsFor(about, target);
  return {
    code: 'recipe/no-such-python',
    what: `There is no Python ${version} for \`${target.name}\`.`,
    ...defined({ why: python && whyNot(python, target) }),
    fix: [
      ...(others.length === 0 ? [] : [`For \`${target.name}\` there is ${list(others)}.`]),
      `Python ${version} is there for ${list(targets.map(({ name }) => name)) || 'no target'}.`,
    ],
    ...placeOf(about),
  };
}

/** Another implementation has few targets: which, and why this is none of them. */
function noneOf(
  implementation: PythonImplementation,
  target: Target,
  wanted: Axes['pythons'],
  { axes, document }: Question,
): Failure {
  const targets = axes.targets.filter((one) =>
    axes.pythons.some(({ value }) => axes.forms.some((form) => fits(value, form, one))),
  );
  const reason = wanted.map(({ value }) => whyNot(value, target)).find((one) => one !== undefined);
  return {
    code: 'recipe/no-such-python',
    what: `There is no ${implementation} for \`${target.name}\`.`,
    ...defined({ why: reason }),
    fix: [
      `There is for ${list(targets.map(({ name }) => name)) || 'no target'}: name that as \`target\`.`,
      `Or remove \`implementation\` below \`python\`, for a program that embeds CPython: \`provision ${target.recipe}\`.`,
    ],
    at: document.locate(['python', 'implementation'], 'value'),
  };
}

/** Why there is no build of a Python for a target, where its file says so. */
function whyNot({ notFor }: PythonDefinition, target: Target): string | undefined {
  return notFor[target.name] ?? notFor.source;
}

function notForCrate(target: Target, there: readonly Loaded<PythonDefinition>[], about: Question): Failure {
  const { axes, asked } = about;
  const [first] = there;
  const misfit = first && misfitIn(first.value, about);
  if (misfit === undefined) throw new Error('a failure got lost');
  const others = inOrder(axes.pythons).filter(
    ({ value }) =>
      misfitIn(value, about) === undefined &&
      axes.forms.some((form) => fits(value, form, target, asked.variant)),
  );
  const has = list(there.map(({ value }) => value.word));
  const asks =
    asked.pythonVersion !== undefined
      ? `${asked.versionIsOption === true ? '`--python`' : 'the recipe'} asks for ${asked.pythonVersion}${asked.variant === undefined ? '' : `, ${asked.variant}`}`
      : `for \`${target.name}\` there is ${has}`;
  return {
    ...misfitFailure(
      misfit,
      asks,
      others.map(({ value }) => value),
    ),
    ...placeOf(about),
  };
}

/** A sysroot for another C library would link, and then fail in ways that are hard to diagnose. */
function sysrootMisfit(form: FormHead, target: Target, about: Question): Failure {
  const { name, libc } = form;
  const { axes, asked, document } = about;
  const { pythonVersion: version } = asked;
  const of = (one: FormHead) => axes.pythons.filter(({ value }) => fits(value, one, target));
  const versions = of(form).map(({ value }) => value.word);
  const sysroots = axes.forms
    .filter((one) => of(one).some(({ value }) => value.word === version))
    .map((one) => one.name);
  const python = axes.pythons.find(({ value }) => value.word === version)?.value;
  const isOther = libc !== target.libc;
  return {
    code: 'recipe/sysroot-misfit',
    what: isOther
      ? `The sysroot \`${name}\` is for the C library \`${libc}\`, the target \`${target.name}\` has \`${target.libc}\`.`
      : `${version === undefined ? 'No Python has' : `Python ${version} has no`} \`${name}\` for the target \`${target.name}\`.`,
    ...defined({ why: isOther || python === undefined ? undefined : whyNot(python, target) }),
    fix: [
      'Name a sysroot, a target and a Python that fit together.',
      ...(isOther || versions.length === 0 ? [] : [`\`${name}\` has ${list(versions)}.`]),
      ...(isOther || version === undefined || sysroots.length === 0
        ? []
        : [
            `Python ${version} is there in ${list(sysroots)}: name that sysroot, or none (\`provision ${target.recipe} --python ${version}\`).`,
          ]),
    ],
    at: document.locate(['sysroot'], 'value'),
  };
}
