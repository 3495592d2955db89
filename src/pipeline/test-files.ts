import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { CommandTest } from '../domain/definitions.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StatedPath } from '../domain/stated-path.ts';
import type { Failure } from '../failure.ts';
import { type CodeFile, digestCode, listCode } from '../requirements/files.ts';
import type { RunnableCommand } from '../run/commands.ts';
import type { WorkingFiles } from '../run/observe.ts';

/** Commands with the files that their working folders begin with. Fails with every path that cannot be taken (`recipe/test-file`). */
export async function withTestFiles(
  commands: readonly CommandTest[],
): Promise<Result<readonly RunnableCommand[]>> {
  const read = await Promise.all(commands.map(readTestFiles));
  const failures = read.flatMap((one) => (one.ok ? [] : [one.error, ...(one.error.also ?? [])]));
  const [first, ...also] = failures;
  if (first !== undefined) return err({ ...first, also });
  return ok(
    commands.map((command, index) => {
      const one = read[index] as Extract<(typeof read)[number], { ok: true }>;
      return { ...command, ...defined({ working: one.value }) };
    }),
  );
}

/**
 * The files of `tests.commands[].files`, read and counted; absent: the command has none. Fails with every path that cannot be
 * taken (`recipe/test-file`).
 */
async function readTestFiles({ files }: CommandTest): Promise<Result<WorkingFiles | undefined>> {
  if (files.length === 0) return ok(undefined);
  const found = new Map<string, CodeFile>();
  const failures: Failure[] = [];
  for (const stated of files) {
    const listed = await filesOf(stated);
    if (!listed.ok) failures.push(listed.error);
    else for (const file of listed.value) found.set(file.path, file);
  }
  const [first, ...also] = failures;
  if (first !== undefined) return err({ ...first, ...(also.length > 0 ? { also } : {}) });
  const all = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return ok({ files: all, digest: await digestCode(all) });
}

/** Paths are those that the files have in the working folder. */
async function filesOf(stated: StatedPath): Promise<Result<readonly CodeFile[]>> {
  const { path, text, at } = stated;
  const placed = posix.normalize(text).replace(/\/$/, '');
  const unfit = (what: string, fix: string): Result<never> =>
    err({ code: 'recipe/test-file', what, fix: [fix], at });
  const info = await stat(path).catch(unlessDeviceFailed(undefined));
  if (info === undefined)
    return unfit(`There is no \`${text}\`.`, 'Check the path: it is relative to the recipe.');
  if (info.isFile()) return ok([{ path: placed, source: path, executable: (info.mode & 0o111) !== 0 }]);
  if (!info.isDirectory())
    return unfit(`\`${text}\` is neither a file nor a folder.`, 'Name a file or a folder.');
  const listed = await listCode(path);
  if (listed.ok) return ok(listed.value.map((file) => ({ ...file, path: posix.join(placed, file.path) })));
  const { path: inner, why } = listed.error;
  return unfit(`\`${inner}\` in \`${text}\` cannot be copied: ${why}.`, 'Rename or remove it.');
}
