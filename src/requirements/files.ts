import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import { digestFile } from '../store/digest.ts';

export interface CodeFile {
  /** Relative to what it was found in, with `/`. */
  readonly path: string;
  /** Absolute file with the content. */
  readonly source: string;
  readonly executable: boolean;
}

/** Why a folder cannot be taken: completes "… cannot be taken: ". */
export interface Unfit {
  readonly path: string;
  readonly why: string;
}

/** Caches and version control: what no interpreter imports and no build reads. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  '__pycache__',
  '.git',
  '.hg',
  '.svn',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.tox',
  '.nox',
  '.venv',
]);

/**
 * All files below a folder, sorted; symbolic links are followed, because their targets need not exist where a bundle is
 * unpacked. `except` are absolute paths that are left out, as are caches, version control and virtual environments.
 */
export async function listCode(
  folder: string,
  except: ReadonlySet<string> = new Set(),
): Promise<Result<readonly CodeFile[], Unfit>> {
  const files: CodeFile[] = [];
  const visit = async (at: string, prefix: string, above: readonly string[]): Promise<Unfit | undefined> => {
    const real = await realpath(at);
    if (above.includes(real))
      return { path: prefix, why: 'a symbolic link leads back to a folder that contains it' };
    for (const name of (await readdir(at, { encoding: 'buffer' })).sort(Buffer.compare)) {
      const text = name.toString('utf8');
      const path = prefix === '' ? text : `${prefix}/${text}`;
      if (!Buffer.from(text, 'utf8').equals(name)) return { path, why: 'its name is not UTF-8' };
      const full = join(at, text);
      if (LEFT_OUT.has(text) || except.has(full)) continue;
      const info = await stat(full).catch(unlessDeviceFailed(undefined));
      if (info === undefined) return { path, why: 'a symbolic link leads nowhere, or it cannot be read' };
      if (info.isDirectory()) {
        if (isMachineOwn(full)) continue;
        const unfit = await visit(full, path, [...above, real]);
        if (unfit !== undefined) return unfit;
      } else if (info.isFile()) {
        files.push({ path, source: full, executable: (info.mode & 0o111) !== 0 });
      } else return { path, why: 'it is neither a file nor a folder' };
    }
    return undefined;
  };
  try {
    const unfit = await visit(folder, '', []);
    return unfit === undefined ? ok(files) : err(unfit);
  } catch (error) {
    return err({ path: folder, why: (error as Error).message });
  }
}

/** A cache (Cache Directory Tagging Specification) or a virtual environment (PEP 405). */
function isMachineOwn(folder: string): boolean {
  return isThere(join(folder, 'CACHEDIR.TAG')) || isThere(join(folder, 'pyvenv.cfg'));
}

/** Digest of names, modes and contents. */
export async function digestCode(files: readonly CodeFile[]): Promise<Digest> {
  const hash = createHash('sha256');
  for (const { path, source, executable } of files) {
    const { digest } = await digestFile(source);
    hash.update(`${path}\0${executable ? 'x' : '-'}\0${digest}\0`);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Copies files into a folder, under their relative paths. */
export async function copyCode(files: readonly CodeFile[], to: string): Promise<void> {
  for (const { path, source } of files) {
    const file = join(to, path);
    await mkdir(dirname(file), { recursive: true });
    await copyFile(source, file);
  }
}
