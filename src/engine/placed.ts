import { chmod, copyFile, mkdir, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { FIXED_TIME } from '../archive/folder-attributes.ts';
import type { PlacedEntry } from './engine.ts';

/** Puts entries into a folder of this machine; folders come in front of what is in them. */
export async function fillFolder(folder: string, entries: readonly PlacedEntry[]): Promise<void> {
  for (const entry of entries) await place(join(folder, entry.path), entry);
}

/** Modes and times do not depend on the umask, or on those of the host. */
async function place(at: string, entry: PlacedEntry): Promise<void> {
  if (entry.kind === 'link') return symlink(entry.target, at);
  if (entry.kind === 'folder') {
    await mkdir(at);
    return chmod(at, 0o755);
  }
  await copyFile(entry.source, at);
  await chmod(at, entry.executable ? 0o755 : 0o644);
  await utimes(at, FIXED_TIME, FIXED_TIME);
}
