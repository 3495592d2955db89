import { defined } from '../domain/defined.ts';
import type { PythonOrigin } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { Libc, Linkage } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { Asked } from './choose-point.ts';
import type { YamlDocument } from './document.ts';
import { list } from './message-text.ts';
import type { Axes } from './points.ts';
import { floorOf, type PythonDefinition } from './pythons.ts';
import { unknown } from './unknown-name.ts';

/** The part of a sysroot definition that is read before its variables are filled in. */
export interface FormHead {
  readonly name: string;
  readonly libc: Libc | undefined;
  readonly from: PythonOrigin | undefined;
  /** How a program is linked with its libpython. */
  readonly linkage: Linkage;
  /** Whether it is the default of its C library, origin and linkage. */
  readonly isDefault: boolean;
}

/** What a recipe says of its libpython, beside the version. */
interface Wanted {
  readonly from?: PythonOrigin | undefined;
  readonly linkage?: Linkage | undefined;
}

/**
 * The sysroot that a recipe names, or a default of its target's C library with the origin and linkage that the recipe says: of
 * several the one that starts with the oldest glibc. `pythons` of the axes are those that may be taken, the best first.
 */
export function chooseForm(
  { forms, pythons }: Axes,
  asked: Asked,
  target: Target | undefined,
  document: YamlDocument,
): Result<FormHead> {
  const { sysroot, pythonVersion: version } = asked;
  const available = forms.filter(
    (form) => target !== undefined && pythons.some(({ value }) => fits(value, form, target, asked.variant)),
  );
  const wanted = wantedOf(asked, available);
  const defaults = available.filter((form) => form.isDefault && is(form, wanted));
  const says = wanted.from !== undefined || wanted.linkage !== undefined;
  const form =
    sysroot !== undefined
      ? forms.find(({ name }) => name === sysroot)
      : ((target && widest(defaults, pythons, target, asked.variant)) ??
        // None is for this target, which the failure then says.
        (says ? undefined : forms.find((one) => one.libc === target?.libc && one.isDefault)));
  if (form !== undefined && is(form, wanted)) return ok(form);
  if (says && target !== undefined && (form !== undefined || sysroot === undefined))
    return err(noSuchPython({ ...wanted, version }, form, target, available, document));
  const names = forms.map(({ name }) => name);
  return err(unknown('sysroot', sysroot ?? '', names, document, ['sysroot']));
}

/** Whether there is a Python, or a variant of it, in a form for a target. */
export function fits(
  { forms, variants }: PythonDefinition,
  { name, libc, from }: FormHead,
  target: Target,
  variant?: string,
): boolean {
  const form = forms[name];
  const isThere = form !== undefined && libc === target.libc && (form.targets?.includes(target.name) ?? true);
  if (!isThere || variant === undefined) return isThere;
  const build = variants[variant];
  return (
    build !== undefined &&
    (build.forms?.includes(name) ?? from === 'source') &&
    (build.targets?.includes(target.name) ?? true)
  );
}

function is(form: FormHead, { from, linkage }: Wanted): boolean {
  return (from === undefined || form.from === from) && (linkage === undefined || form.linkage === linkage);
}

/** What a recipe says of the target that it is for holds for another one as far as that has it. */
function wantedOf(
  { sysroot, pythonFrom: from, pythonLinkage: linkage, borrowed }: Asked,
  available: readonly FormHead[],
): Wanted {
  if (borrowed !== true) return { from, linkage };
  if (sysroot !== undefined) return {};
  const wishes: readonly Wanted[] = [{ from, linkage }, { from }, { linkage }];
  return wishes.find((wanted) => available.some((form) => form.isDefault && is(form, wanted))) ?? {};
}

/** Later than any release. */
const UNKNOWN = '1000';

/**
 * The form whose Python starts with the oldest glibc; of equal ones that of packages, which is there in seconds, then the one
 * that makes one program.
 */
function widest(
  forms: readonly FormHead[],
  pythons: Axes['pythons'],
  target: Target,
  variant?: string,
): FormHead | undefined {
  const candidates = forms.flatMap((form) => {
    const python = pythons.find(({ value }) => fits(value, form, target, variant));
    return python ? [{ form, floor: floorOf({ python, target }, form.name) ?? UNKNOWN }] : [];
  });
  return candidates.toSorted(
    (one, other) =>
      compareReleases(one.floor, other.floor) ||
      Number(other.form.from === 'packages') - Number(one.form.from === 'packages') ||
      Number(other.form.linkage === 'static') - Number(one.form.linkage === 'static'),
  )[0]?.form;
}

/** `python.from` or `python.linkage` asks for what the sysroot, or any for the target, is not. */
function noSuchPython(
  { from, linkage, version }: Wanted & { readonly version: string | undefined },
  form: FormHead | undefined,
  target: Target,
  available: readonly FormHead[],
  document: YamlDocument,
): Failure {
  const fitting = available.filter((one) => is(one, { from }));
  const isOrigin = from !== undefined && (form === undefined ? fitting.length === 0 : form.from !== from);
  const key = isOrigin ? 'from' : 'linkage';
  const wanted = isOrigin
    ? from === 'packages'
      ? 'made of packages'
      : 'built from source'
    : `linked ${linkage === 'static' ? 'statically' : 'dynamically'}`;
  const others = (isOrigin ? fitting : available.filter((one) => is(one, { from, linkage }))).map(
    ({ name }) => name,
  );
  // The packages have the shared library alone.
  const both = !isOrigin && from !== undefined && form === undefined ? ` and from ${from}` : '';
  const why =
    !isOrigin && linkage === 'dynamic' && target.elf?.interpreter === undefined
      ? 'Programs for it are static: they load no libraries.'
      : undefined;
  return {
    code: isOrigin ? 'recipe/no-such-origin' : 'recipe/no-such-linkage',
    what:
      form === undefined
        ? `No sysroot for \`${target.name}\`${version === undefined ? '' : ` with Python ${version}`} is ${wanted}${both}.`
        : `The sysroot \`${form.name}\` is not ${wanted}.`,
    ...defined({ why }),
    fix: [
      others.length === 0
        ? `Remove \`${both === '' ? key : 'from'}\` below \`python\`${both === '' ? '' : ', or `linkage`'}.`
        : `Name another one (${list(others)}) or none, or remove \`${key}\` below \`python\`.`,
      // A recipe that extends another one has its sysroot.
      ...(others.length > 0 && form !== undefined && document.written(['extends']) !== undefined
        ? [`Or write \`extends: ${target.name}\`, which names none.`]
        : []),
    ],
    at: document.locate(['python', key], 'value'),
  };
}
