import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/**
 * Writes all files or none: each to a temporary file beside its destination, then all are renamed; if one rename fails,
 * the previous files are restored. Fails with `usage/not-written`.
 */
export async function writeAll(files: readonly NewFile[]): Promise<Result<void>> {
  const tag = randomBytes(6).toString('hex');
  const undo: (() => Promise<unknown>)[] = [];
  try {
    for (const { path, text } of files) {
      await makeFolder(dirname(path), undo);
      undo.push(() => rm(`${path}.${tag}.new`, { force: true }));
      await writeFile(`${path}.${tag}.new`, text, { flag: 'wx' });
    }
    for (const { path } of files) {
      if (isThere(path)) {
        await rename(path, `${path}.${tag}.old`);
        undo.push(() => rename(`${path}.${tag}.old`, path));
      } else undo.push(() => rm(path, { force: true }));
      await rename(`${path}.${tag}.new`, path);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    for (const step of undo.reverse()) await step().catch(() => undefined);
    return err(notWritten(error as NodeJS.ErrnoException));
  }
  for (const { path } of files) await rm(`${path}.${tag}.old`, { force: true, recursive: true });
  return ok(undefined);
}

/** Records each folder that had to be created, to be removed again if it is still empty. */
async function makeFolder(folder: string, undo: (() => Promise<unknown>)[]): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  const made: string[] = [];
  for (let at = folder; at.length >= first.length; at = dirname(at)) made.unshift(at);
  for (const one of made) undo.push(() => rmdir(one));
}

function notWritten(error: NodeJS.ErrnoException): Failure {
  return {
    code: 'usage/not-written',
    what: 'Nothing was written: one of the files cannot be written.',
    why: error.message,
    fix: ['Make the folder writable for you, with space left, and run the same command again.'],
  };
}
