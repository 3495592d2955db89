import { defined } from '../domain/defined.ts';
import { bringsInterpreter, type SysrootDefinition } from '../domain/definitions.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { fits } from './choose-form.ts';
import type { Asked } from './choose-point.ts';
import type { YamlDocument } from './document.ts';
import { list } from './message-text.ts';
import type { Axes } from './points.ts';
import type { PythonDefinition } from './pythons.ts';
import { unknown } from './unknown-name.ts';

/** A variant that no Python has; undefined where one has it, or none is asked for. */
export function unknownVariant(
  { pythons }: Pick<Axes, 'pythons'>,
  asked: Asked,
  document: YamlDocument,
): Failure | undefined {
  const { variant } = asked;
  const known = [...new Set(pythons.flatMap(({ value }) => Object.keys(value.variants)))].sort();
  if (variant === undefined || known.includes(variant)) return undefined;
  const { at, ...failure } = unknown('variant', variant, known, document, ['variant']);
  return { ...failure, ...defined({ at: asked.variantIsOption === true ? undefined : at }) };
}

/** A variant that there is, but not of the Python that is asked for, or not for the target. */
export function noSuchVariant(
  axes: Pick<Axes, 'pythons' | 'forms' | 'targets'>,
  asked: Asked,
  variant: string,
  target: Target,
  document: YamlDocument,
): Failure {
  const { pythonVersion: version } = asked;
  const having = (one: Target) =>
    axes.pythons.filter(({ value }) => axes.forms.some((form) => fits(value, form, one, variant)));
  const words = having(target).map(({ value }) => value.word);
  const [newest] = words;
  const targets = axes.targets.filter((one) => having(one).length > 0);
  const python = axes.pythons.find(({ value }) => value.word === version)?.value;
  return {
    code: 'recipe/no-such-variant',
    what:
      version === undefined
        ? `No Python has the variant \`${variant}\` for \`${target.name}\`.`
        : `Python ${version} has no variant \`${variant}\` for \`${target.name}\`.`,
    ...defined({ why: python && whyNot(python, variant) }),
    fix: [
      ...(newest === undefined
        ? []
        : [
            `For \`${target.name}\` ${list(words)} ${words.length === 1 ? 'has' : 'have'} it: \`--python ${newest}+${variant}\`.`,
          ]),
      `\`${variant}\` is there for ${list(targets.map(({ name }) => name))}.`,
    ],
    ...(asked.variantIsOption === true ? {} : { at: document.locate(['variant'], 'value') }),
  };
}

function whyNot({ notFor, variants, source }: PythonDefinition, variant: string): string | undefined {
  return (
    notFor[variant] ?? variants[variant]?.elsewhere ?? (source === undefined ? notFor.source : undefined)
  );
}

/** The reference of a free-threaded Python is a program of the target, which only such a machine starts by itself. */
export function noOwnReference(
  sysroot: SysrootDefinition,
  target: Target,
  hostTarget: Target,
): readonly Failure[] {
  if (!bringsInterpreter(sysroot) || target.machine === hostTarget.machine) return [];
  return [
    {
      code: 'recipe/no-reference',
      what: `The reference interpreter of a free-threaded Python for \`${target.name}\` cannot be started on this machine.`,
      why: 'No package has one: it is built with the libpython of the program, and is a program for the same target.',
      fix: [`Run on a machine with ${target.machine}, or remove \`variant\`.`],
    },
  ];
}
