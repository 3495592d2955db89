import { type FirstServer, firstServer, isServer } from './server.ts';

/** What a program does with its command line and its input, as far as its source says. */
export interface Shape {
  /** One line for people. */
  readonly title: string;
  /** Arguments with which it runs a script: `{script}` and `{args}` are filled in; absent: it runs none. */
  readonly script?: readonly string[];
  /** A run that ends by itself; absent: none is known. */
  readonly command?: FirstCommand;
}

/** A crate without a program. */
export const LIBRARY: Shape = { title: 'a library: its own tests are run' };

export interface FirstCommand {
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly server?: FirstServer;
  /** Exit status, where it is not 0. */
  readonly status?: number;
  /** What it opens by names of its own, beside the recipe. */
  readonly files?: readonly string[];
  /** What the test says, a sentence without its end. */
  readonly about: string;
}

/** Crates that read a command line, and answer `--help` by themselves. */
const PARSERS =
  /\b(?:clap|structopt|argh|gumdrop|bpaf)::|derive\([^)]*\b(?:Parser|FromArgs|StructOpt|Bpaf)\b/;
const ARGUMENTS = /\benv::args(?:_os)?\b|\bargs(?:_os)?\(\)|\b(?:lexopt|pico_args|getopts)::/;
/** Code that comes from elsewhere is run: not a literal. */
const RUNS_CODE =
  /\.(?:run|eval|run_bound|eval_bound)\(\s*(?!c?"|c?r#)|\bPyModule::from_code\w*\(\s*\w*,?\s*(?!c?"|c?r#|pyo3::ffi::c_str!\(")|\bPyRun_\w+|\brunpy\b/;
const READS_FILE = /\bread_to_string\(\s*(?!&mut\b)|\bfs::read\(|\bFile::open\(|\brunpy\b|\bPyRun_\w*File/;
/** CPython's own command line. */
const PYTHON_MAIN = /\bPy_(?:Bytes)?Main\b|\bPy_RunMain\b/;
const STDIN = /\bstdin\(\)|\bio::stdin\b/;

/** The shape of a program by the Rust source of its package. */
export function shapeOf(source: string): Shape {
  const parser = PARSERS.test(source);
  const takes = parser || ARGUMENTS.test(source);
  if (isServer(source)) return server(source, parser, takes);
  if (PYTHON_MAIN.test(source) && takes) return scriptRunner(['{script}', '{args}']);
  if (takes && RUNS_CODE.test(source) && READS_FILE.test(source)) {
    if (!parser) return scriptRunner(scriptArguments(source));
    if (!/\bSubcommand\b|\.subcommand\(|argh\(subcommand\)/.test(source) && positionalScript(source))
      return scriptRunner(['{script}', '{args}']);
  }
  if (parser) return { title: 'a command line of its own', command: HELP };
  if (takes) return { title: 'a command line of its own', command: ownArguments(source) };
  if (STDIN.test(source)) return { title: 'reads standard input', command: withInput(source) };
  // A run that is only ended from outside is no test.
  if (/\bloop\s*\{/.test(source) && !/\b(?:break|return|exit\()/.test(source))
    return { title: 'runs until it is ended' };
  const status = expectedStatus(source);
  if (status === undefined) return { title: 'ends with a status that its source does not tell' };
  return { title: 'runs without arguments', command: { name: 'runs', args: [], ...expected(status) } };
}

function expected(status: number): Pick<FirstCommand, 'status' | 'about'> {
  return status === 0
    ? { about: 'without arguments it must end with status 0' }
    : { status, about: `without arguments it must end with status ${status}, as its last statement says` };
}

/** An exit status in a program: a number, or the name of a constant. */
const STATUSES =
  /\b(?:exit|ExitCode::from)\(\s*(?:(\d+)(?:_?[iu]\d+)?|([A-Z][A-Z\d_]*))\s*\)|\bExitCode::(FAILURE|SUCCESS)\b/g;

/** What a run without arguments ends with; undefined where one of several may come. */
function expectedStatus(source: string): number | undefined {
  // An exception of Python's that ends the process.
  if (/\b(?:sys\.exit|SystemExit)\(\s*[^)\s0]/.test(source)) return undefined;
  const body = bodyOfMain(source);
  const all = statusesIn(source, source);
  const last = statusesIn(body, source).find(({ end }) => /^\s*;?\s*$/.test(body.slice(end)))?.status;
  if (last === undefined || last === 0) return 0;
  return all.some(({ status }) => status === 0) ? undefined : last;
}

/** `source` is where constants are looked up. */
function statusesIn(text: string, source: string) {
  return [...text.matchAll(STATUSES)].flatMap((found) => {
    const [all, number, name, word] = found;
    const value = number ?? (name === undefined ? undefined : constant(source, name));
    const status = word === undefined ? Number(value) : word === 'FAILURE' ? 1 : 0;
    return Number.isNaN(status) ? [] : [{ status, end: found.index + all.length }];
  });
}

function constant(source: string, name: string): string | undefined {
  return new RegExp(`\\b(?:const|static)\\s+${name}\\s*:\\s*\\w+\\s*=\\s*(\\d+)`).exec(source)?.[1];
}

/** Strings, characters and brackets of Rust, so that what stands in a string is no bracket. */
const TOKENS = /r(#*)"[\s\S]*?"\1|"(?:\\[\s\S]|[^"\\])*"|'(?:\\.|[^'\\])'|[{}]/g;

function bodyOfMain(source: string): string {
  const begin = /\bfn\s+main\s*\(\s*\)[^{;]*\{/.exec(source);
  if (begin === null) return '';
  const inside = source.slice(begin.index + begin[0].length);
  let depth = 1;
  for (const token of inside.matchAll(TOKENS)) {
    if (token[0] === '{') depth += 1;
    else if (token[0] === '}') depth -= 1;
    if (depth === 0) return inside.slice(0, token.index);
  }
  return '';
}

const HELP: FirstCommand = { name: 'help', args: ['--help'], about: 'must end with status 0' };

function server(source: string, parser: boolean, takes: boolean): Shape {
  const title = 'a server';
  if (parser) return { title, command: HELP };
  // One that needs arguments ends without them.
  if (takes && statusWithout(source) !== undefined) return { title, command: ownArguments(source) };
  const first = firstServer(source);
  if (first === undefined) return { title };
  const { http, port } = first;
  const listens = port === undefined ? 'must print that it listens' : `must listen on port ${port}`;
  const about = `is started, ${listens}${http === undefined ? '' : ' and answer'}, and is ended`;
  return { title, command: { name: 'serves', args: [], about, server: first } };
}

function scriptRunner(script: readonly string[]): Shape {
  return { title: 'runs a script given on its command line', script };
}

/** A word that stands before the script: an option that is compared with, or the arm of a `match` that reads a file. */
function scriptArguments(source: string): readonly string[] {
  const option = /[!=]=\s*"(--?(?:script|file|path|run|exec|f|s))"/.exec(source)?.[1];
  if (option !== undefined) return [option, '{script}', '{args}'];
  const arms = [
    ...source.matchAll(
      /(?:Some\()?"([a-z][\w-]*)"\)?\s*(?:if [^=]*)?=>([\s\S]{0,400}?)(?=\n\s*(?:Some\(|"|_|None)|$)/g,
    ),
  ];
  const arm = arms.find(([, , body = '']) => READS_FILE.test(body));
  return arm === undefined ? ['{script}', '{args}'] : [arm[1] as string, '{script}', '{args}'];
}

/** A field of a parser's structure that is no option: the script. */
function positionalScript(source: string): boolean {
  const field =
    /((?:#\[[^\]]*\]\s*)*)(?:pub(?:\([^)]*\))?\s+)?(?:script|file|path|program)\s*:\s*(?:std::path::)?(?:PathBuf|String|OsString)\b/.exec(
      source,
    );
  return field !== null && !/\b(?:long|short|option|switch)\b/.test(field[1] as string);
}

function ownArguments(source: string): FirstCommand {
  for (const word of ['--help', '--version'])
    if (source.includes(`"${word}"`) || source.includes(`Long("${word.slice(2)}")`))
      return { name: word.slice(2), args: [word], about: 'must end with status 0' };
  const status = statusWithout(source);
  return status === undefined
    ? { name: 'runs', args: [], about: 'without arguments it must end with status 0' }
    : {
        name: 'without-arguments',
        args: [],
        status,
        about: `without arguments it ends with status ${status}; put a run of yours in its place`,
      };
}

/** What is done where arguments are lacking, up to the first exit status in it. */
const WITHOUT_ARGUMENTS = [
  /(?:\b_|\bNone)\s*=>[^;}]*?(?:;[^;}]*?)?/,
  /\b(?:len\(\)\s*(?:<|!=|==)|is_(?:empty|none)\(\))[^{]*\{[^}]*?/,
  /\belse\s*\{[^}]*?/,
].map((before) => new RegExp(before.source + STATUSES.source));

/** The exit status of a program that lacks its arguments; undefined where it seems not to need any. */
function statusWithout(source: string): number | undefined {
  const exits = WITHOUT_ARGUMENTS.flatMap((before) =>
    statusesIn(before.exec(source)?.[0] ?? '', source).map(({ status }) => status),
  ).find((status) => status !== 0);
  if (exits !== undefined) return exits;
  const demanded = /\.(?:nth\(\d\)|next\(\))\s*(?:\.as_deref\(\)\s*)?\.(?:expect|unwrap)\(|\bargs\[1\]/.test(
    source,
  );
  // A panic of Rust's (std::process::ExitCode, "panic").
  return demanded ? 101 : undefined;
}

function withInput(source: string): FirstCommand {
  const json = /\bserde_json\b|\bjson\b/.test(source);
  // A number is also an expression of Python's.
  const number = /\.parse(?:::<|\()/.test(source) || RUNS_CODE.test(source);
  const stdin = json ? '{}\n' : number ? '1\n' : 'hello\n';
  return {
    name: 'input',
    args: [],
    stdin,
    about: `with ${JSON.stringify(stdin)} as its input it must end with status 0`,
  };
}
