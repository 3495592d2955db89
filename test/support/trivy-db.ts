import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from './cli.ts';
import type { Advisory } from './grype-db.ts';

/** A database of trivy's with these alone. Returns the options of `trivy` that have it used. */
export function trivyDatabase(folder: string, advisories: readonly Advisory[]): readonly string[] {
  execFileSync('go', ['run', '-mod=readonly', '.', join(folder, 'db')], {
    cwd: join(REPOSITORY, 'test', 'support', 'trivy-db'),
    input: JSON.stringify(advisories),
  });
  return ['--cache-dir', folder, '--skip-db-update', '--skip-java-db-update', '--offline-scan', '--quiet'];
}
