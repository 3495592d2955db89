import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provision, SHARED_STORE } from './cli.ts';
import { runnerRecipe } from './runner-recipe.ts';

/** What `provision inspect --json` says of a bundle. */
export interface Inspected {
  readonly libc: { readonly floor: string };
  readonly python: { readonly linkage: string };
  readonly extensions: number;
  readonly libraries: { readonly brought: readonly { readonly path: string }[] };
}

/**
 * Builds the runner for a target, with further keys in its recipe, and runs all samples: each is equal, or skipped. The bundle's
 * file, and what is in it.
 */
export async function runsWhole(
  folder: string,
  target: string,
  more: string,
): Promise<{ readonly archive: string; readonly inspected: Inspected }> {
  writeFileSync(join(folder, 'whole.yaml'), runnerRecipe(target, { more }));
  const run = await provision(['run', './whole.yaml', '--artifacts', 'out'], {
    ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 90 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const out = join(folder, 'out');
  const { totals } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
    readonly totals: { readonly samples: number; readonly passed: number; readonly skipped: number };
  };
  assert.equal(totals.passed + totals.skipped, totals.samples);
  assert.ok(totals.passed > 60);
  const archive = join(out, readdirSync(out).find((name) => name.endsWith('.tar.gz')) as string);
  const inspected = await provision(['inspect', archive, '--json']);
  return { archive, inspected: JSON.parse(inspected.stdout) as Inspected };
}
