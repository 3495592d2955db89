import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { artifactsFailure } from '../domain/artifacts.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { inOrder } from './json.ts';
import { junitXml } from './junit.ts';

/** Outputs of samples, by the names that we give them; a run that was killed has listed them nowhere. */
const SAMPLE_LOG = /\.(?:target|reference|expected)\.(?:stdout|stderr)$/;

/**
 * Writes `report.json` and `junit.xml` and removes the logs of earlier runs that are not among this report's, so that
 * nothing stale is left; other files stay (the folder may be anybody's). Each file is replaced whole.
 * Fails with `usage/artifacts`.
 */
export async function writeReport(folder: string, report: Report): Promise<Result<void>> {
  try {
    await mkdir(folder, { recursive: true });
    const earlier = await earlierLogs(folder);
    await replace(join(folder, 'junit.xml'), junitXml(report));
    await replace(join(folder, 'report.json'), `${JSON.stringify(inOrder(report), null, 2)}\n`);
    for (const path of earlier) if (!report.logs.includes(path)) await removeLog(folder, path);
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

/** Writes one JSON file of a recipe's artifacts, whole. Fails with `usage/artifacts`. */
export function writeArtifact(folder: string, name: string, value: unknown): Promise<Result<void>> {
  return writeArtifacts(folder, { [name]: `${JSON.stringify(value, null, 2)}\n` });
}

/** Writes files of a recipe's artifacts, each whole. Fails with `usage/artifacts`. */
export async function writeArtifacts(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<Result<void>> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) await replace(join(folder, name), text);
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

/** A file that is there whole or as it was. */
export async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Logs that an earlier run listed in its report or left without one; relative to the folder. */
async function earlierLogs(folder: string): Promise<readonly string[]> {
  const below = await readdir(join(folder, 'logs'), { recursive: true }).catch(absent);
  const ours = below.filter((path) => SAMPLE_LOG.test(path)).map((path) => `logs/${path}`);
  const diffs = ours.map((path) => path.replace(SAMPLE_LOG, '.diff'));
  return [...new Set([...(await listedLogs(folder)), ...ours, ...diffs])];
}

async function listedLogs(folder: string): Promise<readonly string[]> {
  try {
    const { logs } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Partial<Report>;
    // Anybody may have written that file: nothing outside of logs/ is removed because of it.
    return (logs ?? []).filter((path) => /^logs\//.test(path) && !path.split('/').includes('..'));
  } catch (error) {
    // No report, or one that was not written by us: nothing is known of it.
    if (error instanceof SyntaxError || error instanceof TypeError) return [];
    return absent(error);
  }
}

/** Removes a log, and the folders that it leaves empty. */
async function removeLog(folder: string, path: string): Promise<void> {
  await rm(join(folder, path), { force: true });
  for (let parent = dirname(path); parent !== 'logs'; parent = dirname(parent)) {
    if ((await readdir(join(folder, parent)).catch(absent)).length > 0) return;
    await rm(join(folder, parent), { recursive: true, force: true });
  }
}

function absent(error: unknown): [] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}
