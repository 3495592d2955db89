import { copyFile, mkdir, readdir, readFile, readlink, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eachAtOnce } from '../domain/each-at-once.ts';
import { absentAsUndefined, errorCode } from '../domain/errno.ts';
import type { PythonDistribution } from '../domain/python.ts';

/** Files that are copied at once. */
const AT_ONCE = 16;

/**
 * Parts of the standard library that are for building or testing CPython, not for running programs; and `ensurepip`, which
 * is nothing without the wheel that neither the distribution's library nor a build of ours brings.
 */
const LEFT_OUT = [/^config-/, /^__pycache__$/, /^test$/, /^idlelib$/, /^turtledemo$/, /^ensurepip$/];

export interface StdlibInput {
  readonly python: Pick<PythonDistribution, 'stdlib' | 'minor' | 'libraryInside'>;
  /** Root of the sysroot tree. */
  readonly sysroot: string;
  /** Folder of `.pyc` files laid out as the standard library, without `__pycache__` folders. */
  readonly bytecode: string;
  /** Standard library that the bytecode was compiled from. */
  readonly compiledFrom: string;
  /** Destination folder. */
  readonly to: string;
}

export interface Stdlib {
  /** Paths of extension modules, relative to the sysroot. */
  readonly extensions: readonly string[];
  readonly files: number;
}

/**
 * Copies the standard library with its bytecode. A `.pyc` is copied only where the source is identical to the file it
 * was compiled from: the interpreter does not check unchecked-hash bytecode against the source.
 */
export async function copyStdlib(input: StdlibInput): Promise<Stdlib> {
  const extensions: string[] = [];
  let files = 0;
  await eachAtOnce(AT_ONCE, await pathsBelow(input, ''), async (path) => {
    const file = await resolveInside(input.sysroot, join(input.sysroot, input.python.stdlib, path));
    if (file === undefined) return;
    await copyTo(file, join(input.to, path));
    files += 1;
    if (/\.so$/.test(path)) extensions.push(`${input.python.stdlib}/${path}`);
    if (/\.py$/.test(path)) files += await copyBytecode(input, path, file);
  });
  return { extensions: extensions.sort(), files };
}

/** Without this folder an interpreter says at every start that it found no `exec_prefix`; one with its modules inside has nothing in it. */
export const LANDMARK = 'lib-dynload/README.txt';

export async function addLandmark(home: string, python: Pick<PythonDistribution, 'stdlib'>): Promise<void> {
  const file = join(home, python.stdlib.replace(/^usr\//, ''), LANDMARK);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'The extension modules of the standard library are inside the program.\n');
}

/** Paths of the extension modules that are copied, relative to the sysroot. */
export async function extensionModules(
  python: StdlibInput['python'],
  sysroot: string,
): Promise<readonly string[]> {
  const extensions: string[] = [];
  for (const path of await pathsBelow({ python, sysroot }, '')) {
    if (!/\.so$/.test(path)) continue;
    const file = await resolveInside(sysroot, join(sysroot, python.stdlib, path));
    if (file !== undefined) extensions.push(`${python.stdlib}/${path}`);
  }
  return extensions.sort();
}

/** Paths of all that is copied and is no folder, relative to the standard library. */
async function pathsBelow(
  input: Pick<StdlibInput, 'python' | 'sysroot'>,
  relative: string,
): Promise<readonly string[]> {
  if (input.python.libraryInside === true) return [];
  const entries = await readdir(join(input.sysroot, input.python.stdlib, relative), { withFileTypes: true });
  const wanted = entries.filter(({ name }) =>
    relative === '' ? !LEFT_OUT.some((pattern) => pattern.test(name)) : name !== '__pycache__',
  );
  const below = await Promise.all(
    wanted.map(async (entry) => {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      return entry.isDirectory() ? pathsBelow(input, path) : [path];
    }),
  );
  return below.flat();
}

/** Resolves a path, following links as if the tree were the root; undefined for dangling links. */
async function resolveInside(root: string, path: string): Promise<string | undefined> {
  const file = await realpath(path).catch(absentAsUndefined);
  if (file?.startsWith(`${root}/`)) return file;
  const target = await readlink(path).catch((cause: unknown) =>
    errorCode(cause) === 'EINVAL' ? undefined : absentAsUndefined(cause),
  );
  if (target === undefined) return undefined;
  const inside = target.startsWith('/') ? join(root, target) : join(dirname(path), target);
  return inside.startsWith(`${root}/`) && (await stat(inside).catch(absentAsUndefined))?.isFile() === true
    ? inside
    : undefined;
}

async function copyBytecode(input: StdlibInput, path: string, source: string): Promise<number> {
  const slash = path.lastIndexOf('/') + 1;
  const folder = path.slice(0, slash);
  const name = `${path.slice(slash, -'.py'.length)}.cpython-${input.python.minor.replace('.', '')}.pyc`;
  const compiled = join(input.bytecode, folder, name);
  const [ours, theirs] = await Promise.all([
    readFile(source),
    readFile(join(input.compiledFrom, path)).catch(absentAsUndefined),
  ]);
  if (theirs === undefined || !ours.equals(theirs)) return 0;
  if ((await stat(compiled).catch(absentAsUndefined)) === undefined) return 0;
  await copyTo(compiled, join(input.to, folder, '__pycache__', name));
  return 1;
}

async function copyTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
