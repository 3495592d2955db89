#!/usr/bin/env node
// Entry point, of an installed package (`bin` in package.json) and of a checkout (the launcher `provision`).
// Built-in modules are fetched by `getBuiltinModule`: an `import` evaluates every name that they export.
import type { CompiledProgram } from './program/compile.ts';

/** The oldest supported Node; older ones would fail with a syntax error. */
const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `provision needs Node ${OLDEST_NODE} or newer, and this is Node ${process.versions.node}.\n` +
      '  Install a newer Node, then install provision again with its npm.\n',
  );
  // Not `process.exit`, which could discard pending output.
  process.exitCode = 5;
} else await start();

async function start(): Promise<void> {
  // Loading takes longer than all else that a short command does; cli.ts listens instead of this later on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
  try {
    if (!printVersion()) await load();
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException;
    // Anything else is a bug.
    if (syscall === undefined) throw error;
    process.stderr.write(
      `provision cannot read its own files: ${message}\n  Check its installation, and \`ulimit -n\`.\n`,
    );
    process.exitCode = 5;
  }
}

/** `--version` alone needs no program. */
function printVersion(): boolean {
  if (process.argv.length !== 3 || process.argv[2] !== '--version') return false;
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { readonly version: string };
  return printed(`provision ${version}\n`);
}

async function load(): Promise<void> {
  const inCheckout = import.meta.url.endsWith('.ts');
  const compiled = inCheckout ? findCompiled() : undefined;
  // Its answer is of other recipes: it is made anew with the program.
  const found = process.argv[2] === 'list' && !areAsRecorded(compiled?.data) ? undefined : compiled;
  if (answered(inCheckout ? found : 'package')) return;
  cacheCompiledCode();
  if (!inCheckout) await import(new URL('./program/cli.cjs', import.meta.url).href);
  else {
    const folder = found?.folder ?? (await compile()) ?? compiled?.folder;
    await (folder === undefined
      ? import('./cli.ts')
      : import(new URL(`../${folder}/cli.cjs`, import.meta.url).href));
  }
}

/** Prints what the program would print for arguments whose answer is known, where no setting has a say. */
function answered(program: CompiledProgram | 'package' | undefined): boolean {
  const [first] = process.argv.slice(2);
  if (program === undefined || first === undefined || !['--help', 'completion', 'list'].includes(first))
    return false;
  if (first !== '--help' && !plainEnvironment()) return false;
  // There its lines are as wide as the terminal.
  if (first === 'list' && process.getBuiltinModule('node:tty').isatty(1)) return false;
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const answers: CompiledProgram['answers'] =
    program === 'package'
      ? JSON.parse(readFileSync(new URL('./program/answers.json', import.meta.url), 'utf8'))
      : program.answers;
  const asked = process.argv.slice(2).join(' ');
  const text = Object.hasOwn(answers, asked) ? answers[asked] : undefined;
  if (text === undefined) return false;
  return printed(text);
}

/** A setting may be wrong, and a working folder that is gone is a failure. The others cannot be, and change no answer. */
function plainEnvironment(): boolean {
  try {
    process.cwd();
  } catch {
    return false;
  }
  return process.env.PROVISION_JOBS === undefined && process.env.GITHUB_ACTIONS === undefined;
}

/** Writes without a stream, which takes longer to load than all else here. Where that fails the program says why. */
function printed(text: string): boolean {
  const { writeSync } = process.getBuiltinModule('node:fs');
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      // What was begun is ended: a pipe that takes nothing now is full.
      if (at === 0 || (error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}

/** Before any other module is loaded. The launcher names a place for this cache itself. */
function cacheCompiledCode(): void {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const { existsSync } = process.getBuiltinModule('node:fs');
  const { tmpdir } = process.getBuiltinModule('node:os');
  // Node looks for a place until it finds one: below a temporary folder that cannot be made (TMPDIR=/proc/none) for ever.
  if (existsSync(tmpdir())) process.getBuiltinModule('node:module').enableCompileCache();
}

/** The compiled program of a checkout, where each of its sources is the file that it was compiled from. */
function findCompiled(): CompiledProgram | undefined {
  const { readFileSync, statSync } = process.getBuiltinModule('node:fs');
  const home = new URL('../', import.meta.url);
  try {
    const record = readFileSync(new URL('.provision/program.json', home), 'utf8');
    const program = JSON.parse(record) as CompiledProgram;
    const cli = new URL(`${program.folder}/cli.cjs`, home);
    return areAsRecorded(program.sources) && statSync(cli, { throwIfNoEntry: false }) !== undefined
      ? program
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether files of the checkout are as they were: `stampOf` in `program/stamp.ts`. */
function areAsRecorded(stamps: CompiledProgram['sources'] | undefined): boolean {
  if (stamps === undefined) return false;
  const { statSync } = process.getBuiltinModule('node:fs');
  const home = process.getBuiltinModule('node:url').fileURLToPath(new URL('../', import.meta.url));
  for (const path in stamps) {
    const found = statSync(home + path, { throwIfNoEntry: false });
    const [size, changed, inode] = stamps[path] as readonly number[];
    if (found?.size !== size || found?.ctimeMs !== changed || found?.ino !== inode) return false;
  }
  return true;
}

/** Compiles it where the launcher asks for that. A checkout that cannot be written to, or a machine without the compiler, runs the sources. */
async function compile(): Promise<string | undefined> {
  if (process.env.PROVISION_COMPILE !== '1') return undefined;
  try {
    const { compileCheckout } = await import('./program/compile.ts');
    const home = process.getBuiltinModule('node:url').fileURLToPath(new URL('..', import.meta.url));
    return await compileCheckout(home.replace(/\/$/, ''));
  } catch {
    return undefined;
  }
}
