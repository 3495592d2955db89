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

/** `--version` alone needs no program. What cannot be written at once is left to it. */
function printVersion(): boolean {
  if (process.argv.length !== 3 || process.argv[2] !== '--version') return false;
  const { readFileSync, writeSync } = process.getBuiltinModule('node:fs');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  try {
    writeSync(1, `provision ${version}\n`);
    return true;
  } catch {
    return false;
  }
}

async function load(): Promise<void> {
  cacheCompiledCode();
  if (!import.meta.url.endsWith('.ts')) await import(new URL('./program/cli.cjs', import.meta.url).href);
  else {
    const compiled = findCompiled() ?? (await compile());
    await (compiled === undefined ? import('./cli.ts') : import(compiled.href));
  }
}

/** Before any other module is loaded. The launcher names a place for this cache itself. */
function cacheCompiledCode(): void {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const { existsSync } = process.getBuiltinModule('node:fs');
  const { tmpdir } = process.getBuiltinModule('node:os');
  // Node looks for a place until it finds one: below a temporary folder that cannot be made (TMPDIR=/proc/none) for ever.
  if (existsSync(tmpdir()) && !fileSizesLimited())
    process.getBuiltinModule('node:module').enableCompileCache();
}

/** Node writes that cache when nothing of ours can handle SIGXFSZ any more: `ulimit -f` would end a command that is done. */
function fileSizesLimited(): boolean {
  try {
    const { readFileSync } = process.getBuiltinModule('node:fs');
    return !/^Max file size +unlimited /m.test(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return false;
  }
}

/** The compiled program of a checkout, where each of its sources is the file that it was compiled from. */
function findCompiled(): URL | undefined {
  const { readFileSync, statSync } = process.getBuiltinModule('node:fs');
  const home = new URL('../', import.meta.url);
  try {
    const { folder, sources } = JSON.parse(
      readFileSync(new URL('.provision/program.json', home), 'utf8'),
    ) as CompiledProgram;
    const prefix = process.getBuiltinModule('node:url').fileURLToPath(home);
    for (const path of Object.keys(sources)) {
      const found = statSync(prefix + path, { throwIfNoEntry: false });
      const stamp = found === undefined ? '' : `${found.size} ${found.mtimeMs} ${found.ctimeMs} ${found.ino}`;
      if (stamp !== sources[path]) return undefined;
    }
    const program = new URL(`${folder}/cli.cjs`, home);
    return statSync(program, { throwIfNoEntry: false }) === undefined ? undefined : program;
  } catch {
    return undefined;
  }
}

/** Compiles it where the launcher asks for that. A checkout that cannot be written to, or a machine without the compiler, runs the sources. */
async function compile(): Promise<URL | undefined> {
  if (process.env.PROVISION_COMPILE !== '1') return undefined;
  const home = new URL('../', import.meta.url);
  try {
    const { compileCheckout } = await import('./program/compile.ts');
    const folder = await compileCheckout(process.getBuiltinModule('node:url').fileURLToPath(home));
    return folder === undefined ? undefined : new URL(`${folder}/cli.cjs`, home);
  } catch {
    return undefined;
  }
}
