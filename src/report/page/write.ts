import { join } from 'node:path';
import { artifactsFailure } from '../../domain/artifacts.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { differencesText } from '../differences.ts';
import { replace, writeArtifacts } from '../files.ts';
import { type Artifacts, loadArtifacts } from './load.ts';
import { renderPage } from './page.ts';

/** What was written, for whoever asked for it. */
export interface WrittenPage {
  readonly file: string;
  readonly recipes: readonly string[];
  readonly unreadable: Artifacts['unreadable'];
  /** Bytes. */
  readonly size: number;
}

/** Writes `differences.md` of a recipe that measures, from what the folder has of it. Fails with `usage/artifacts`. */
export async function writeDifferences(folder: string): Promise<Result<void>> {
  const { recipes, conformances } = await loadArtifacts(folder);
  const text = differencesText(recipes[0]?.report, conformances[0]);
  return writeArtifacts(folder, { 'differences.md': text });
}

/**
 * Writes `report.html` into a folder from the artifacts in it: those of all recipes below it, or of the one that it is
 * of. Fails with `usage/artifacts`.
 */
export async function writePage(folder: string): Promise<Result<WrittenPage>> {
  try {
    const artifacts = await loadArtifacts(folder);
    const page = await renderPage(artifacts);
    const file = join(folder, 'report.html');
    await replace(file, page);
    const { recipes, unreadable } = artifacts;
    return ok({
      file,
      recipes: recipes.map(({ report }) => report.recipe),
      unreadable,
      size: Buffer.byteLength(page),
    });
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}
