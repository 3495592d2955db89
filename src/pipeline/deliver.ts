import { chmod, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARTIFACTS_MARK, ARTIFACTS_MARK_TEXT, artifactsFailure } from '../domain/artifacts.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import { digestFile } from '../store/digest.ts';
import type { Store } from '../store/store.ts';

/**
 * Makes the folder of a recipe's artifacts and that of its logs, and marks the former: no build takes it for sources of
 * the crate that it may lie in. Fails with `usage/artifacts`.
 */
export async function makeArtifacts(folder: string): Promise<Result<void>> {
  return writing(folder, async () => {
    await mkdir(join(folder, 'logs'), { recursive: true });
    // Somebody's own folder, such as that of the crate, is none of ours.
    const foreign = await exists(join(folder, 'Cargo.toml'));
    if (!foreign) await writeFile(join(folder, ARTIFACTS_MARK), ARTIFACTS_MARK_TEXT);
  });
}

/**
 * Puts a copy of a file of the store into the artifacts, unless it is there: the store's own stays as it is whatever is
 * done with the copy. What is delivered has the digest, or nothing is: fails with `store/damaged`, and with
 * `usage/artifacts`.
 */
export async function deliver(
  store: Store,
  from: string,
  digest: string,
  folder: string,
  file: string,
  { executable = false }: { readonly executable?: boolean } = {},
): Promise<Result<void>> {
  const to = join(folder, file);
  const mode = deliveredMode(executable);
  const present = await digestFile(to).catch(() => undefined);
  if (present?.digest === digest) {
    return writing(folder, () => renewMode(to, executable));
  }
  const beside = `${to}.${process.pid}.tmp`;
  try {
    const copied = await writing(folder, async () => {
      await copyFile(join(from, file), beside);
      // The store's own file has the mode of who made it first.
      await chmod(beside, mode);
    });
    if (!copied.ok) return copied;
    if ((await digestFile(beside)).digest !== digest) return await store.reject(from, file);
    return await writing(folder, () => rename(beside, to));
  } finally {
    // What stopped the copy is the failure, also where it stops this.
    await rm(beside, { force: true }).catch(() => {});
  }
}

/** Writes a text file into the artifacts, unless it is there. Throws the errors of the system. */
export async function deliverText(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(absentAsUndefined)) === text) return renewMode(file);
  const beside = `${file}.${process.pid}.tmp`;
  await writeFile(beside, text);
  await rename(beside, file);
}

/** Gives a file that is left as it is the mode that it would have if it were written now. */
async function renewMode(file: string, executable = false): Promise<void> {
  const mode = deliveredMode(executable);
  // Another user's file is for that user to change.
  if (((await stat(file)).mode & 0o777) !== mode) await chmod(file, mode).catch(() => {});
}

/** What any program gives a file that it writes now: umask(2). */
function deliveredMode(executable: boolean): number {
  return (executable ? 0o777 : 0o666) & ~process.umask();
}

async function writing(folder: string, work: () => Promise<void>): Promise<Result<void>> {
  try {
    await work();
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}
