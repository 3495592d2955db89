import { relative } from 'node:path';
import type { Plan, PlannedStage } from '../domain/plan.ts';
import { runtimeOf } from '../runtime/runtime.ts';

/** Columns. */
const WIDTH = 80;

/** A plan as text for users, at most 80 columns where words allow. Paths below `base` are shown relative to it. */
export function formatPlan(plan: Plan, base = ''): string {
  const { recipe, target, toolchain, sysroot, runtime } = plan;
  const launcher = runtimeOf(runtime).launcher(target);
  const emulator = launcher.length === 0 ? '' : ` (${launcher.join(' ')})`;
  const head = table(
    {
      recipe: shortPath(recipe.file, base),
      target: target.rustTriple,
      toolchain: toolchain.name,
      sysroot: sysroot.name,
      ...(plan.pythonBecause === undefined
        ? {}
        : { python: `${sysroot.python.version}. ${plan.pythonBecause}` }),
      ...(sysroot.glibc === undefined ? {} : { glibc: `${sysroot.glibc} or newer, for its Python` }),
      reference: referenceText(plan),
      runtime: `${runtime}${emulator}`,
    },
    '',
  );
  const stages = plan.stages.map((stage, index) => formatStage(stage, index + 1, base));
  return `${[`${recipe.name}: ${recipe.description}`, '', ...head, '', ...stages.flat()].join('\n')}\n`;
}

/** Its name, and what is worth knowing where it is not this machine's own. */
function referenceText({ reference, referenceTarget, hostTarget }: Plan): string {
  const { pointerWidth, machine, emulator, maybeOn } = referenceTarget;
  if (machine === hostTarget.machine) return reference.name;
  const start = maybeOn.includes(hostTarget.machine)
    ? `${emulator?.program} unless this machine starts it`
    : emulator?.program;
  return `${reference.name}, ${pointerWidth}-bit (${start})`;
}

function formatStage({ stage, does, inputs }: PlannedStage, number: number, base: string): readonly string[] {
  const shown = Object.entries(inputs).flatMap(([name, value]) => {
    const words = [value]
      .flat()
      .map((word) => (typeof word === 'string' ? shortPath(word, base) : String(word)));
    return words.length === 0 ? [] : [[name, words.join(' ')] as const];
  });
  const title = `${String(number).padStart(2)}. ${stage.padEnd(9)} `;
  return [
    ...wrap(does, title, ' '.repeat(title.length)),
    ...table(Object.fromEntries(shown), ' '.repeat(14)),
    '',
  ];
}

function table(rows: Readonly<Record<string, string>>, indent: string): readonly string[] {
  const width = Math.max(0, ...Object.keys(rows).map((name) => name.length));
  return Object.entries(rows).flatMap(([name, value]) => {
    const lead = `${indent}${name.padEnd(width)}  `;
    return wrap(value, lead, ' '.repeat(lead.length));
  });
}

/** Words of `text` after `first`, and on further lines after `rest`. A word is never broken: paths stay whole. */
function wrap(text: string, first: string, rest: string): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}

function shortPath(path: string, base: string): string {
  if (base === '' || !path.startsWith('/')) return path;
  const short = relative(base, path);
  return short === '' ? '.' : short.startsWith('..') ? path : short;
}
