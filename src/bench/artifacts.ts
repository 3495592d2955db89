import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Invocation } from '../commands/command.ts';
import { artifactsFailure } from '../domain/artifacts.ts';
import type { Context } from '../domain/context.ts';
import type { MeasuredBy } from '../domain/measured.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere, readTool } from '../exec/files.ts';
import { hostMachine } from '../pipeline/host.ts';
import { writePage } from '../report/page/write.ts';

/** The head of a measurement's JSON. `started`: milliseconds since the epoch. */
export function measuredBy({ settings }: Context, started: number): MeasuredBy {
  return {
    schema: 1,
    tool: readTool(settings.home),
    started: new Date(started).toISOString(),
    finished: new Date().toISOString(),
    host: { machine: hostMachine().machine, cores: availableParallelism() },
  };
}

/** Folder of all artifacts: `--artifacts`, else `artifacts` in the current folder. */
export function artifactsOf({ context, values }: Invocation): string {
  return resolve(context.settings.cwd, String(values.artifacts ?? 'artifacts'));
}

/** Writes files into a folder, each atomically. Fails with `usage/artifacts`. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<Result<void>> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
      await writeFile(temporary, text);
      await rename(temporary, join(folder, name));
    }
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

/** The report page shows measurements too: regenerates it where it exists. */
export async function refreshPage(artifacts: string): Promise<Result<void>> {
  if (!isThere(join(artifacts, 'report.html'))) return ok(undefined);
  const written = await writePage(artifacts);
  return written.ok ? ok(undefined) : written;
}
