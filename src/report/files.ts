import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactsFailure } from '../domain/artifacts.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { inOrder } from './json.ts';
import { junitXml } from './junit.ts';

/**
 * Writes `report.json` and `junit.xml` and removes from `logs/` what is not among the report's logs, so that nothing of an
 * earlier run is left. Each file is replaced whole. Fails with `usage/artifacts`.
 */
export async function writeReport(folder: string, report: Report): Promise<Result<void>> {
  try {
    await mkdir(folder, { recursive: true });
    await replace(join(folder, 'junit.xml'), junitXml(report));
    await replace(join(folder, 'report.json'), `${JSON.stringify(inOrder(report), null, 2)}\n`);
    await prune(folder, 'logs', new Set(report.logs));
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes files that are not kept, and folders that are empty then; says whether the folder itself is empty. */
async function prune(root: string, below: string, kept: ReadonlySet<string>): Promise<boolean> {
  let empty = true;
  for (const entry of await entriesOf(join(root, below))) {
    const path = `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      if (await prune(root, path, kept)) await rmdir(join(root, path));
      else empty = false;
    } else if (kept.has(path)) {
      empty = false;
    } else {
      await rm(join(root, path), { force: true });
    }
  }
  return empty;
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
