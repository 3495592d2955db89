import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { artifactsFailure } from '../domain/artifacts.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Run } from './observe.ts';

/**
 * Writes everything that the two runs of a sample printed, and the diff, below `logs/` of the artifacts folder. Returns the
 * files, relative to that folder. `side` is what the target was compared with. Fails with `usage/artifacts`.
 */
export async function writeLogs(
  artifacts: string,
  sample: string,
  runs: { readonly reference: Run; readonly target: Run },
  diff: string | undefined,
  side: 'reference' | 'expected' = 'reference',
): Promise<Result<readonly string[]>> {
  const contents: readonly (readonly [string, Uint8Array | string])[] = [
    ['target.stdout', runs.target.stdout],
    ['target.stderr', runs.target.stderr],
    [`${side}.stdout`, runs.reference.stdout],
    // What a recipe expects says nothing of standard error.
    ['reference.stderr', side === 'expected' ? '' : runs.reference.stderr],
    ['diff', diff ?? ''],
  ];
  const written = contents.filter(([, content]) => content.length > 0);
  try {
    await mkdir(dirname(join(artifacts, 'logs', sample)), { recursive: true });
    for (const [suffix, content] of written)
      await writeFile(join(artifacts, 'logs', `${sample}.${suffix}`), content);
  } catch (error) {
    const failure = artifactsFailure(artifacts, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
  return ok(written.map(([suffix]) => `logs/${sample}.${suffix}`));
}
