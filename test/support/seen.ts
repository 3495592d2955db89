import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything below a folder, sorted by path: kind, permissions, and content or target. */
export function listTree(
  folder: string,
  content = (text: Buffer): string => text.toString(),
): [string, string][] {
  const found: [string, string][] = [];
  const walk = (below: string): void => {
    for (const name of readdirSync(join(folder, below))) {
      const path = below === '' ? name : `${below}/${name}`;
      const file = join(folder, path);
      const stats = lstatSync(file);
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isSymbolicLink()) found.push([path, `link ${readlinkSync(file)}`]);
      else if (stats.isDirectory()) {
        found.push([path, `folder ${mode}`]);
        walk(path);
      } else found.push([path, `file ${mode} ${content(readFileSync(file))}`]);
    }
  };
  walk('');
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
