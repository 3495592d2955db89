import { wrap } from '../report/text.ts';
import type { OptionSpec, PositionalSpec } from './command.ts';
import { GLOBAL_OPTIONS } from './index.ts';
import type { CommandSpec } from './specs.ts';

/** Columns of a page of help. */
const WIDTH = 80;

/** `provision --help`. */
export function overview(commands: readonly CommandSpec[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage: provision <recipe> [options]          short for: provision run <recipe>',
    '       provision <command> [options]',
    '',
    'Turns a recipe into a running, verified cross-build of a Rust program that',
    'embeds CPython: toolchain, sysroot, build, samples under emulation, bundle.',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options for every command:',
    ...optionLines(GLOBAL_OPTIONS),
    '      --version             print the version',
    '',
    'Exit codes: 0 done, 1 bug, 2 usage or recipe, 3 lock or outdated,',
    '            4 fetch or integrity, 5 engine or store, 6 build,',
    '            7 samples differ, 130 interrupted',
    '',
    'Start with: provision aarch64',
    'In your own crate: provision init',
    '',
  ].join('\n');
}

/** `provision <command> --help`. */
export function commandHelp(command: CommandSpec): string {
  const usage = ['provision', command.name, ...command.positionals.map(positional), '[options]'].join(' ');
  return [
    `Usage: ${usage}`,
    '',
    `${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.`,
    '',
    ...(Object.keys(command.options).length === 0 ? [] : ['Options:', ...optionLines(command.options), '']),
    'Options for every command:',
    ...optionLines(GLOBAL_OPTIONS),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

function positional({ name, required, rest }: PositionalSpec): string {
  const text = `<${name}>${rest === true ? '…' : ''}`;
  return required ? text : `[${text}]`;
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): string[] {
  const heads = Object.entries(options).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    return `  ${short}--${name}${option.value === undefined ? '' : ` ${option.value}`}`;
  });
  const width = Math.max(26, ...heads.map((head) => head.length + 2));
  return Object.values(options).flatMap((option, i) =>
    wrap(option.help, WIDTH - width).map(
      (line, index) => (index === 0 ? (heads[i] as string) : '').padEnd(width) + line,
    ),
  );
}
