import { lstat, readdir } from 'node:fs/promises';
import { errorCode } from '../domain/errno.ts';

/** What cannot be counted: gone meanwhile, another user's, or nested deeper than a path can name. */
const UNSEEN = ['ENOENT', 'EACCES', 'EPERM', 'ENAMETOOLONG'];

/** Bytes on the disk below a path (hard-linked files once), and the number of files that can be seen; absent: nothing. */
export function measure(path: string, seen = new Set<string>()): Promise<{ bytes: number; files: number }> {
  return measureBelow(Buffer.from(path), seen);
}

async function measureBelow(path: Buffer, seen: Set<string>): Promise<{ bytes: number; files: number }> {
  let info: Awaited<ReturnType<typeof lstat>>;
  try {
    info = await lstat(path);
  } catch (cause) {
    if (UNSEEN.includes(errorCode(cause) ?? '')) return { bytes: 0, files: 0 };
    throw cause;
  }
  const inode = `${info.dev}:${info.ino}`;
  if (info.nlink > 1 && !info.isDirectory()) {
    if (seen.has(inode)) return { bytes: 0, files: 0 };
    seen.add(inode);
  }
  // st_blocks counts units of 512 bytes, stat(2).
  const total = { bytes: info.blocks * 512, files: info.isDirectory() ? 0 : 1 };
  if (!info.isDirectory()) return total;
  for (const name of await namesToCount(path)) {
    const below = await measureBelow(pathBelow(path, name), seen);
    total.bytes += below.bytes;
    total.files += below.files;
  }
  return total;
}

async function namesToCount(folder: Buffer): Promise<Buffer[]> {
  try {
    return await readdir(folder, { encoding: 'buffer' });
  } catch (cause) {
    if (UNSEEN.includes(errorCode(cause) ?? '')) return [];
    throw cause;
  }
}

/** A path by its bytes: what a build names its files need not be UTF-8. */
export function pathBelow(folder: Buffer, name: Uint8Array): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}

/** Names in a folder; none when it went away meanwhile. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return [];
    throw cause;
  }
}
