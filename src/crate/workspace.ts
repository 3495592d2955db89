import { globSync } from 'node:fs';
import { dirname, join, matchesGlob, relative, resolve } from 'node:path';
import { ok, type Result } from '../domain/result.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { isTable, tableAt, textAt, textsAt } from './toml.ts';

/**
 * The manifest of a crate's workspace: the one in `package.workspace`, its own, or the nearest one above with a
 * `[workspace]` that does not exclude it (The Cargo Book, "Workspaces"). Its own where there is none.
 */
export async function workspaceOf(manifest: Manifest): Promise<Result<Manifest>> {
  const { folder, table } = manifest;
  if (isTable(table.workspace)) return ok(manifest);
  const named = textAt(tableAt(table, 'package'), 'workspace');
  if (named !== undefined) return readManifest(resolve(folder, named));
  for (let at = dirname(folder); ; at = dirname(at)) {
    const above = await readManifest(at);
    if (above.ok && isTable(above.value.table.workspace)) {
      return ok(excludes(above.value, folder) ? manifest : above.value);
    }
    // cargo reads invalid manifests above as well, and fails.
    if (!above.ok && above.error.code === 'recipe/bad-manifest') return above;
    if (at === dirname(at)) return ok(manifest);
  }
}

function excludes({ folder, table }: Manifest, crate: string): boolean {
  const below = relative(folder, crate);
  return textsAt(tableAt(table, 'workspace'), 'exclude').some(
    (path) => below === path || below.startsWith(`${path}/`) || matchesGlob(below, path),
  );
}

/** The packages of a workspace, the root package first. Missing members are skipped: cargo reports them. */
export async function membersOf(workspace: Manifest): Promise<Result<readonly Manifest[]>> {
  const found: Manifest[] = isTable(workspace.table.package) ? [workspace] : [];
  const patterns = textsAt(tableAt(workspace.table, 'workspace'), 'members');
  const folders = patterns.flatMap((pattern) => globSync(pattern, { cwd: workspace.folder })).sort();
  for (const folder of new Set(folders.map((path) => join(workspace.folder, path)))) {
    if (folder === workspace.folder || excludes(workspace, folder)) continue;
    const member = await readManifest(folder);
    if (member.ok) found.push(member.value);
    else if (member.error.code !== 'recipe/no-project') return member;
  }
  return ok(found);
}
