import { copyFile, mkdir, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PythonDistribution } from '../domain/python.ts';
import { exists } from '../exec/files.ts';

/**
 * Parts of the standard library that are for building or testing CPython, not for running programs; and `ensurepip`, which
 * is nothing without the wheel that neither the distribution's library nor a build of ours brings.
 */
const LEFT_OUT = [/^config-/, /^__pycache__$/, /^test$/, /^idlelib$/, /^turtledemo$/, /^ensurepip$/];

export interface StdlibInput {
  readonly python: Pick<PythonDistribution, 'stdlib' | 'minor'>;
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
  const visit = async (relative: string): Promise<void> => {
    const source = join(input.sysroot, input.python.stdlib, relative);
    for (const entry of (await readdir(source, { withFileTypes: true })).sort(byName)) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (
        relative === '' ? LEFT_OUT.some((pattern) => pattern.test(entry.name)) : entry.name === '__pycache__'
      )
        continue;
      if (entry.isDirectory()) {
        await visit(path);
        continue;
      }
      const file = await resolveInside(input.sysroot, join(source, entry.name));
      if (file === undefined) continue;
      await copyTo(file, join(input.to, path));
      files += 1;
      if (/\.so$/.test(entry.name)) extensions.push(`${input.python.stdlib}/${path}`);
      if (/\.py$/.test(entry.name)) files += await copyBytecode(input, path, file);
    }
  };
  await visit('');
  return { extensions, files };
}

/** Resolves a path, following links as if the tree were the root; undefined for dangling links. */
async function resolveInside(root: string, path: string): Promise<string | undefined> {
  const file = await realpath(path).catch(() => undefined);
  if (file?.startsWith(`${root}/`)) return file;
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return undefined;
  const inside = target.startsWith('/') ? join(root, target) : join(dirname(path), target);
  return inside.startsWith(`${root}/`) &&
    (await stat(inside).then(
      (s) => s.isFile(),
      () => false,
    ))
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
    readFile(join(input.compiledFrom, path)).catch(() => undefined),
  ]);
  if (theirs === undefined || !ours.equals(theirs)) return 0;
  if (!(await exists(compiled))) return 0;
  await copyTo(compiled, join(input.to, folder, '__pycache__', name));
  return 1;
}

async function copyTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
