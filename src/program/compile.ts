// The program as JavaScript, in few files: a start then loads what its command needs, and nothing is left to be
// translated or looked for. A checkout keeps it in `.provision/`, a package in `dist/program/`.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { defined } from '../domain/defined.ts';
import { type Answers, makeAnswers } from './answers.ts';
import { type Stamp, stampOf } from './stamp.ts';

/** What is started in it, by name: the program, and the thread that unpacks packages. */
const ENTRIES = { cli: 'src/cli.ts', 'unpack-worker': 'src/archive/unpack-worker.ts' } as const;

/** Loaded where they are: large, and needed by few commands. */
const APART = [/^dockerode$/, /^echarts(?:\/|$)/, /^undici$/];

/** Never evaluated for an effect of its own: what is not used of them is left out. */
const PURE = /\/node_modules\/(?:yaml|zod|execa|listr2|smol-toml)\//;

/** A folder of an earlier program is kept for so long: a process that runs from it may still load some of it. */
const KEPT_MS = 24 * 3_600_000;

/** A file that was changed so shortly before may change again without a trace in its times. */
const SETTLED_MS = 2_100;

/** What a checkout knows of the program that it has compiled. */
export interface CompiledProgram {
  /** Its folder, relative to the checkout. */
  readonly folder: string;
  /** By their paths relative to the checkout. */
  readonly sources: Readonly<Record<string, Stamp>>;
  readonly answers: Answers;
  /** The same of the files that the answer to `list` was made of, and of folders; absent where that is not known. */
  readonly data?: Readonly<Record<string, Stamp>>;
}

const COMPILED_PROGRAM = join('.provision', 'program.json');

/**
 * Compiles the program of a checkout beside its dependencies. Of several that do so at once each is right: the folder is
 * named by its content and put into place whole, and so is the file that names it. Undefined where sources were changed
 * only now, or meanwhile: the next start tries again.
 */
export async function compileCheckout(home: string): Promise<string | undefined> {
  const began = Date.now();
  const { files, sources } = await bundle(home);
  const { answers, data } = await makeAnswers(home);
  const stamps = stampAll(home, sources);
  const newest = Math.max(...sources.map((path) => changed(join(home, path))));
  if (newest > began - SETTLED_MS) return undefined;
  const place = join(home, '.provision');
  mkdirSync(place, { recursive: true });
  const digest = createHash('sha256');
  for (const { name, text } of files) digest.update(`${name}\0${text}\0`);
  const folder = join('.provision', `program-${digest.digest('hex').slice(0, 20)}`);
  putFolder(join(home, folder), files);
  const compiled: CompiledProgram = { folder, sources: stamps, answers, ...defined({ data }) };
  replaceFile(join(home, COMPILED_PROGRAM), JSON.stringify(compiled));
  removeEarlier(place, folder);
  return folder;
}

/** Compiles the program for a package, into a folder. */
export async function compilePackage(home: string, folder: string): Promise<void> {
  const { files } = await bundle(home);
  const { answers } = await makeAnswers(home);
  rmSync(folder, { recursive: true, force: true });
  putFolder(folder, [...files, { name: 'answers.json', text: JSON.stringify(answers) }]);
}

interface CompiledFile {
  readonly name: string;
  readonly text: string;
}

async function bundle(
  named: string,
): Promise<{ readonly files: readonly CompiledFile[]; readonly sources: readonly string[] }> {
  // Modules are named by their real paths.
  const home = realpathSync(named);
  const build = await rolldown({
    cwd: home,
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, join(home, file)])),
    platform: 'node',
    external: APART,
    plugins: [commandsAsData(home)],
    treeshake: { moduleSideEffects: [{ test: PURE, sideEffects: false }] },
    logLevel: 'silent',
  });
  try {
    const { output } = await build.generate({
      format: 'cjs',
      sourcemap: 'hidden',
      sourcemapPathTransform: (path, map) => relative(home, join(dirname(map), path)),
      // Names stay as they are: they stand in stack traces.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
      dir: join(home, '.provision', 'program'),
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
    });
    const chunks = output.filter((one): one is OutputChunk => one.type === 'chunk');
    const files = chunks.flatMap(({ fileName, code, map }) => [
      { name: fileName, text: code },
      ...(map === null ? [] : [{ name: `${fileName}.map`, text: withoutContents(map.toString()) }]),
    ]);
    const modules = chunks.flatMap(({ moduleIds }) => moduleIds.map((id) => relative(home, id)));
    return { files, sources: [...modules.filter((path) => path.startsWith('src/')), ...OTHERS].sort() };
  } finally {
    await build.close();
  }
}

/** What the compiled program depends on besides the modules in it. */
const OTHERS = [
  ...['package.json', 'package-lock.json', 'src/program/compile.ts', 'src/commands/specs.ts'],
  // npm writes it whenever it changes what is installed.
  'node_modules/.package-lock.json',
];

/** Names, options and texts of all commands become data: help and completion then load none of the commands. */
function commandsAsData(home: string): Plugin {
  const file = join(home, 'src', 'commands', 'specs.ts');
  return {
    name: 'commands-as-data',
    load: {
      filter: { id: file },
      async handler() {
        const { commandSpecs } = (await import(
          pathToFileURL(file).href
        )) as typeof import('../commands/specs.ts');
        const specs = JSON.stringify(JSON.stringify(await commandSpecs()));
        return { code: `export const commandSpecs = async () => JSON.parse(${specs});`, moduleType: 'js' };
      },
    },
  };
}

/** Positions alone: the sources are beside, or in the repository. */
function withoutContents(map: string): string {
  const { sourcesContent: _, ...rest } = JSON.parse(map) as Record<string, unknown>;
  return JSON.stringify(rest);
}

function putFolder(to: string, files: readonly CompiledFile[]): void {
  const beside = `${to}.${process.pid}.new`;
  mkdirSync(beside, { recursive: true });
  try {
    for (const { name, text } of files) writeFileSync(join(beside, name), text);
    renameSync(beside, to);
  } catch (error) {
    // Another process was quicker with the same content.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

function replaceFile(file: string, text: string): void {
  const beside = `${file}.${process.pid}.new`;
  writeFileSync(beside, text);
  renameSync(beside, file);
}

function removeEarlier(place: string, current: string): void {
  for (const name of readdirSync(place)) {
    if (!name.startsWith('program-') || join('.provision', name) === current) continue;
    const path = join(place, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (mtimeMs < Date.now() - KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}

function stampAll(home: string, sources: readonly string[]): Record<string, Stamp> {
  return Object.fromEntries(sources.map((path) => [path, stampOf(join(home, path))]));
}

function changed(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0 : Math.max(found.mtimeMs, found.ctimeMs);
}
