import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { Command, Outcome } from './commands/command.ts';
import { COMMAND_NAMES, GLOBAL_OPTIONS, loadCommand } from './commands/index.ts';
import { commandSpecs } from './commands/specs.ts';
import { closest } from './domain/closest.ts';
import type { OptionValues, Settings } from './domain/context.ts';
import { err, ok, type Result } from './domain/result.ts';
import { hideSecrets } from './domain/secrets.ts';
import { readTool } from './exec/files.ts';
import { HOME } from './exec/home.ts';
import { Output } from './exec/output.ts';
import { noWorkingFolder, outputLost, systemFailure } from './exec/system-error.ts';
import { exitCodeOf, type Failure, interrupted } from './failure.ts';
import type { RendererKind } from './report/renderer.ts';
import { readSettings } from './settings.ts';

interface Parsed {
  readonly command: Command;
  readonly values: OptionValues;
  readonly positionals: readonly string[];
  readonly rest: readonly string[];
}

/** What asks this program to end. */
const STOPS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const output = new Output(process.stdout, process.stderr);
listenForStops(() => process.exit(130));
process.once('uncaughtException', (error) => {
  void broken(error).then((status) => process.exit(status));
});

// Until all is done: a process that ends because nothing is left to wait for has a bug.
process.exitCode = 1;
void main(process.argv.slice(2))
  .catch(broken)
  .then(withOutput)
  .then((status) => {
    process.exitCode = status;
  });

/** The exit code when an error was thrown: what the system refused is a failure, anything else a bug. */
async function broken(error: unknown): Promise<number> {
  const failure = systemFailure(error);
  if (failure !== undefined) return fail(failure);
  await output.write('stderr', `${error instanceof Error ? await sourceStack(error) : String(error)}\n`);
  return 1;
}

/** Where a compiled program runs, the places of a stack are those of its sources. */
async function sourceStack({ stack, message }: Error): Promise<string> {
  const { mapStack } = await import('./exec/map-stack.ts');
  return mapStack(stack ?? message, HOME);
}

/** Nobody takes for done what could not be shown. */
async function withOutput(status: number): Promise<number> {
  if (output.lost === undefined) return status;
  const lost = outputLost(output.lost);
  await printFailure(lost);
  return status === 0 ? exitCodeOf(lost) : status;
}

function listenForStops(stop: () => void): void {
  for (const signal of STOPS) {
    process.removeAllListeners(signal);
    process.on(signal, stop);
  }
}

function workingFolder(): Result<string> {
  try {
    return ok(process.cwd());
  } catch {
    return err(noWorkingFolder());
  }
}

/** argv → command → exit code. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 0 || (argv.length === 1 && ['--help', '-h', 'help'].includes(argv[0] as string))) {
    const { overview } = await import('./commands/help.ts');
    await output.write('stdout', overview(await commandSpecs()));
    return argv.length === 0 ? 2 : 0;
  }
  if (argv[0] === '--version') {
    await output.write('stdout', `provision ${readTool(HOME).version}\n`);
    return 0;
  }
  const parsed = await parse(argv);
  if (!parsed.ok) {
    const cwd = workingFolder();
    const settings = cwd.ok ? readSettings(process.env, {}, cwd.value, HOME) : cwd;
    if (settings.ok) await emitActions(settings.value, argv[0] as string, undefined, parsed.error);
    return fail(parsed.error);
  }
  const { command, values } = parsed.value;
  if (values.help === true) {
    const { commandHelp } = await import('./commands/help.ts');
    await output.write('stdout', commandHelp(command));
    return 0;
  }
  return execute(parsed.value);
}

async function parse(argv: readonly string[]): Promise<Result<Parsed>> {
  const separator = argv.indexOf('--');
  const own = separator < 0 ? argv : argv.slice(0, separator);
  const rest = separator < 0 ? [] : argv.slice(separator + 1);
  // The first argument that is not an option is the command or recipe: `provision --offline aarch64` works as well.
  const first = own.findIndex((word, i) => !word.startsWith('-') && !takesValue(own[i - 1]));
  const name = first < 0 ? undefined : own[first];
  const explicit = name !== undefined && COMMAND_NAMES.includes(name);
  const command = await loadCommand(explicit ? (name as string) : 'run');
  if (command === undefined) throw new Error('the run command is missing');
  const words = explicit ? own.filter((_, i) => i !== first) : own;
  const options = { ...GLOBAL_OPTIONS, ...command.options };
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: options as ParseArgsOptionsConfig,
      allowPositionals: true,
      strict: true,
    });
    const problem = values.help === true ? undefined : checkPositionals(command, positionals);
    return problem === undefined
      ? ok({ command, values: values as OptionValues, positionals, rest })
      : err(problem);
  } catch (error) {
    return err(badOption(error, Object.keys(options), command.name));
  }
}

function takesValue(word: string | undefined): boolean {
  return (
    word !== undefined &&
    ['--jobs', '-j', '--store', '--engine', '--project', '--bin', '--python'].includes(word)
  );
}

function checkPositionals(command: Command, positionals: readonly string[]): Failure | undefined {
  const missing = command.positionals.filter(({ required }) => required)[positionals.length];
  if (missing !== undefined) {
    return {
      code: 'usage/missing-argument',
      what: `\`provision ${command.name}\` needs a <${missing.name}>.`,
      fix: [
        `Try: ${command.examples[0]}`,
        ...(missing.completes === 'recipe' ? ['See the recipes: `provision list`'] : []),
      ],
    };
  }
  const many = command.positionals.at(-1)?.rest === true;
  if (many || positionals.length <= command.positionals.length) return undefined;
  return {
    code: 'usage/too-many-arguments',
    what: `\`provision ${command.name}\` does not take "${positionals[command.positionals.length]}".`,
    fix: [`See \`provision ${command.name} --help\`.`],
  };
}

function badOption(error: unknown, known: readonly string[], command: string): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const typed = /Unknown option '(--?[^']+)'/.exec(message)?.[1];
  const meant = typed === undefined ? undefined : closest(typed.replace(/^-+/, ''), known);
  return {
    code: 'usage/option',
    what:
      typed === undefined
        ? `${message.split(/\.\s/)[0]?.replace(/\.$/, '')}.`
        : `\`provision ${command}\` has no option ${typed}.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean --${meant}?`]),
      `See \`provision ${command} --help\`.`,
    ],
  };
}

async function execute({ command, values, positionals, rest }: Parsed): Promise<number> {
  const cwd = workingFolder();
  if (!cwd.ok) return fail(cwd.error);
  const settings = readSettings(process.env, values, cwd.value, HOME);
  if (!settings.ok) return fail(settings.error);
  const abort = new AbortController();
  listenForStops(() => abort.abort());
  const { createRenderer } = await import('./report/renderer.ts');
  const terminal = process.stdout.isTTY === true && process.stderr.isTTY === true && !process.env.CI;
  const { actions } = settings.value;
  const kind = rendererKind(command, values, terminal, actions !== undefined);
  if (actions !== undefined) await maskSecrets(actions.mask);
  const renderer = createRenderer(kind, {
    // Standard output belongs to the result; progress is the result only of a command that renders.
    out: values.json === true || !command.renders ? process.stderr : process.stdout,
    err: process.stderr,
    color: useColor(),
    verbose: settings.value.verbose,
  });
  const context = { settings: settings.value, emit: renderer.emit, signal: abort.signal };
  try {
    const asking = terminal && process.stdin.isTTY ? { ask: (text: string) => ask(text, abort.signal) } : {};
    const columns = process.stdout.isTTY === true ? { columns: process.stdout.columns || 80 } : {};
    const given = { context, values, positionals, rest, terminal, print };
    const result = await command.run({ ...given, ...columns, ...asking });
    await renderer.finish();
    const stopped = abort.signal.aborted && !isDone(command, result) ? interrupted() : undefined;
    const failure = stopped ?? (result.ok ? result.value.failure : result.error);
    await emitActions(settings.value, command.name, result.ok ? result.value : undefined, failure);
    if (failure !== undefined && (stopped !== undefined || !result.ok))
      return await fail(failure, values.json === true);
    return result.ok ? await succeed(result.value, values.json === true) : exitCodeOf(result.error);
  } finally {
    listenForStops(() => process.exit(130));
  }
}

/** Whether a command came to its end in spite of a signal: a run that left its report, or the user's program. */
function isDone(command: Command, result: Result<Outcome>): boolean {
  return result.ok && (command.renders || result.value.status !== undefined);
}

/** Reads a line from the user; undefined at end of input or on an interrupt. */
async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const { displayed } = await import('./report/text.ts');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
    // At a terminal readline handles Ctrl-C itself.
    lines.once('SIGINT', () => lines.close());
    return await Promise.race([
      lines.question(displayed(question), { signal }).catch(() => undefined),
      ended,
    ]);
  } finally {
    lines.close();
  }
}

function rendererKind(
  command: Command,
  values: OptionValues,
  terminal: boolean,
  inActions: boolean,
): RendererKind {
  if (values.quiet === true) return 'quiet';
  if (inActions) return 'actions';
  return command.renders && terminal && values.verbose !== true && values.json !== true ? 'live' : 'plain';
}

function useColor(): boolean {
  if (process.env.NO_COLOR) return false;
  return process.stderr.isTTY === true && process.env.TERM !== 'dumb';
}

async function succeed(outcome: Outcome, json: boolean): Promise<number> {
  const { displayed, displayedJson } = await import('./report/text.ts');
  await output.write('stdout', json ? `${displayedJson(withFailure(outcome))}\n` : displayed(outcome.text));
  if (outcome.failure !== undefined) {
    await printFailure(outcome.failure);
    return exitCodeOf(outcome.failure);
  }
  return outcome.status ?? 0;
}

/** What a script reads: the exit code has the area of a failure alone. */
function withFailure({ json, failure }: Outcome): unknown {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  return isObject && failure !== undefined && !('failure' in json) ? { ...json, failure } : json;
}

async function fail(failure: Failure, json = false): Promise<number> {
  if (json) {
    const { displayedJson } = await import('./report/text.ts');
    await output.write('stdout', `${displayedJson({ failure })}\n`);
  }
  await printFailure(failure);
  return exitCodeOf(failure);
}

/** Must run before any other output: GitHub's runner masks only what follows. */
async function maskSecrets(secrets: readonly string[]): Promise<void> {
  const { masks } = await import('./report/actions/commands.ts');
  for (const line of secrets.flatMap(masks)) await output.write('stderr', `${line}\n`);
}

/** Commands for the runner go to standard error, which it reads as well: standard output belongs to the result. */
async function emitActions(
  { actions, secrets = [] }: Settings,
  command: string,
  outcome: Outcome | undefined,
  failure: Failure | undefined,
): Promise<void> {
  if (actions === undefined) return;
  const { emitActions: emit } = await import('./report/actions/emit.ts');
  for (const line of await emit(
    actions,
    command,
    hideSecrets({ output: outcome?.actions, failure }, secrets),
  ))
    await output.write('stderr', `${line}\n`);
}

async function printFailure(failure: Failure): Promise<void> {
  const text = await failureText(failure).catch(() => bareText(failure));
  await output.write('stderr', text);
}

async function failureText(failure: Failure): Promise<string> {
  const { formatFailure } = await import('./report/failure.ts');
  const text = formatFailure(failure, { color: useColor(), width: process.stderr.columns || 80 });
  // The output of a tool must not be interpreted as a workflow command.
  const { escapeCommands } = await import('./report/actions/commands.ts');
  return process.env.GITHUB_ACTIONS === 'true' ? escapeCommands(text) : text;
}

/** Where what formats failures cannot be loaded: no more files may be opened. */
function bareText({ code, what, fix }: Failure): string {
  return [`error[${code}]: ${what}`, ...fix.map((line) => `  fix:  ${line}`), ''].join('\n');
}

function print(stream: 'stdout' | 'stderr', text: string): void {
  if (text !== '') void output.write(stream, text);
}
