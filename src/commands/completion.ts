import { err, ok, type Result } from '../domain/result.ts';
import { fishWord, quoteWord } from '../domain/shell.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { GLOBAL_OPTIONS } from './index.ts';
import { type CommandSpec, commandSpecs } from './specs.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const command: Command = {
  name: 'completion',
  summary: 'print a completion script for bash, zsh or fish',
  positionals: [{ name: 'shell', required: true }],
  options: {},
  examples: ['eval "$(provision completion bash)"', 'provision completion fish | source'],
  renders: false,
  run,
};

async function run({ positionals }: Invocation): Promise<Result<Outcome>> {
  const shell = SHELLS.find((name) => name === positionals[0]);
  if (shell === undefined) {
    return err({
      code: 'usage/shell',
      what: `There is no completion for the shell "${positionals[0]}".`,
      fix: [`Name one of: ${SHELLS.join(', ')}.`],
    });
  }
  const commands = await commandSpecs();
  const text = { bash, zsh, fish }[shell](commands);
  return ok({ text, json: { shell, script: text } });
}

/** Lists the recipes at completion time, so that new ones are offered at once. Below them is a table of Pythons. */
const RECIPES = 'provision list --quiet 2>/dev/null | sed -n "/^Python /q;s/^\\([^ ][^ ]*\\) .*/\\1/p"';

function bash(commands: readonly CommandSpec[]): string {
  const cases = commands.map(
    (one) =>
      `    ${one.name}) options="${optionNames(one)}"; ${completesRecipe(one) ? 'more="$(_provision_recipes)"' : 'more=""'} ;;`,
  );
  return `_provision_recipes() { ${RECIPES}; }
_provision() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" options more
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=( $(compgen -W "${commands.map(({ name }) => name).join(' ')} $(_provision_recipes) --help --version" -- "$current") )
    return
  fi
  case "$command" in
${cases.join('\n')}
    *) options="${optionNames(commands.find(({ name }) => name === 'run'))}"; more="" ;;
  esac
  case "$current" in
    -*) COMPREPLY=( $(compgen -W "$options" -- "$current") ) ;;
    *) COMPREPLY=( $(compgen -W "$more" -- "$current") $(compgen -f -- "$current") ) ;;
  esac
}
complete -o filenames -F _provision provision
`;
}

function zsh(commands: readonly CommandSpec[]): string {
  const list = commands.map(({ name, summary }) => `    ${quoteWord(`${name}:${summary}`)}`).join('\n');
  const cases = commands
    .map(
      (one) =>
        `      ${one.name}) compadd -- ${optionNames(one)}; ${completesRecipe(one) ? 'compadd -- $(_provision_recipes); ' : ''}_files ;;`,
    )
    .join('\n');
  return `#compdef provision
_provision_recipes() { ${RECIPES} }
_provision() {
  local -a commands
  commands=(
${list}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    compadd -- $(_provision_recipes)
  else
    case "$words[2]" in
${cases}
      *) compadd -- ${optionNames(commands.find(({ name }) => name === 'run'))}; _files ;;
    esac
  fi
}
compdef _provision provision
`;
}

function fish(commands: readonly CommandSpec[]): string {
  const lines = commands.flatMap((one) => [
    `complete -c provision -n __fish_use_subcommand -a ${one.name} -d ${fishWord(one.summary)}`,
    ...Object.entries({ ...GLOBAL_OPTIONS, ...one.options }).map(
      ([name, option]) =>
        `complete -c provision -n '__fish_seen_subcommand_from ${one.name}' -l ${name}${option.type === 'string' ? ' -r' : ''} -d ${fishWord(option.help)}`,
    ),
    ...(completesRecipe(one)
      ? [`complete -c provision -n '__fish_seen_subcommand_from ${one.name}' -a '(${RECIPES})'`]
      : []),
  ]);
  return `${lines.join('\n')}\ncomplete -c provision -n __fish_use_subcommand -a '(${RECIPES})'\n`;
}

function optionNames(command: CommandSpec | undefined): string {
  return Object.keys({ ...GLOBAL_OPTIONS, ...command?.options })
    .map((name) => `--${name}`)
    .join(' ');
}

function completesRecipe(command: CommandSpec): boolean {
  return command.positionals.some(({ completes }) => completes === 'recipe');
}
