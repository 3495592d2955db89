import { dirname } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { CommandTest } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { RunnableCommand } from '../run/commands.ts';
import { readWorkingFiles } from '../run/working-files.ts';

/**
 * Commands of the recipe `file` with what their working folders begin with. Fails with every path that cannot be taken
 * (`recipe/test-file`).
 */
export async function withTestFiles(
  commands: readonly CommandTest[],
  file: string,
): Promise<Result<readonly RunnableCommand[]>> {
  const runnable: RunnableCommand[] = [];
  const failures: Failure[] = [];
  for (const command of commands) {
    const read =
      command.files.length === 0 ? ok(undefined) : await readWorkingFiles(command.files, dirname(file));
    if (read.ok) runnable.push({ ...command, ...defined({ working: read.value }) });
    else failures.push(read.error, ...(read.error.also ?? []));
  }
  const [first, ...also] = failures;
  return first === undefined ? ok(runnable) : err({ ...first, ...(also.length > 0 ? { also } : {}) });
}
