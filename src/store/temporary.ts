import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../domain/errno.ts';
import { livenessOf, ownTag } from './process-tag.ts';
import { pathBelow } from './walk.ts';

/** What another boot or container left behind is removed when it is older than this. */
const FOREIGN_LEFTOVER_MS = 24 * 3600 * 1000;

/** A name below `tmp/` that identifies the process it belongs to, and for people what it is for. Nothing is created. */
export function temporaryPath(store: string, purpose = 'new'): string {
  return join(store, 'tmp', `${ownTag()}.${purpose}-${randomBytes(8).toString('hex')}`);
}

/** Records that this process uses the store from now on: `prune` keeps what has been used since. */
export async function openSession(store: string): Promise<void> {
  await writeFile(join(store, 'tmp', `${ownTag()}.session-${randomBytes(4).toString('hex')}`), '');
}

/** When the first of the other processes that may still use the store opened it; milliseconds since the epoch. */
export async function oldestOtherSession(store: string): Promise<number> {
  let oldest = Number.POSITIVE_INFINITY;
  for (const name of await readdir(join(store, 'tmp'))) {
    const [tag = '', rest = ''] = name.split('.', 2);
    if (!rest.startsWith('session-') || tag === ownTag() || livenessOf(tag) === 'dead') continue;
    oldest = Math.min(oldest, (await modified(join(store, 'tmp', name))) ?? oldest);
  }
  return oldest;
}

/** Removes what dead processes left in `tmp/`. */
export async function sweep(store: string): Promise<void> {
  for (const name of await readdir(join(store, 'tmp'))) {
    const path = join(store, 'tmp', name);
    if (await isLeftover(path, name.split('.', 1)[0] ?? '')) await removeOwn(path);
  }
}

/** What another user left is that user's to remove. */
async function removeOwn(path: string): Promise<void> {
  try {
    await removeTree(path);
  } catch (cause) {
    if (!['EACCES', 'EPERM'].includes(errorCode(cause) ?? '')) throw cause;
  }
}

async function isLeftover(path: string, tag: string): Promise<boolean> {
  const liveness = livenessOf(tag);
  if (liveness !== 'unknown') return liveness === 'dead';
  const since = await modified(path);
  return since !== undefined && Date.now() - since > FOREIGN_LEFTOVER_MS;
}

async function modified(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

/** Writes a small file so that it is there whole or not at all, also after a loss of power. */
export async function writeWhole(store: string, file: string, text: string): Promise<void> {
  const path = temporaryPath(store);
  try {
    await writeFlushed(path, text);
    await rename(path, file);
  } catch (cause) {
    await rm(path, { force: true });
    throw cause;
  }
}

export async function writeFlushed(path: string, text: string): Promise<void> {
  await using handle = await open(path, 'wx');
  await handle.writeFile(text);
  await handle.sync();
}

/**
 * Removes a folder with all that is in it, also where a build left folders that their owner may not write, nested them so
 * deep that no path names the innermost, or gave them names in no encoding.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    if (!['EACCES', 'EPERM', 'ENAMETOOLONG'].includes(errorCode(cause) ?? '')) throw cause;
    await openUp(Buffer.from(path));
    await rm(path, { recursive: true, force: true });
  }
}

/** Bytes; far enough below the limit of Linux (4096) for one more name. */
const LONG_PATH = 2048;

/** Makes all folders below one writable, and moves those with long paths up to it. */
async function openUp(top: Buffer): Promise<void> {
  const folders = [top];
  for (const folder of folders) {
    await chmod(folder, 0o700);
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      if (!entry.isDirectory()) continue;
      const below = pathBelow(folder, entry.name);
      if (below.length < LONG_PATH) {
        folders.push(below);
      } else {
        // Its `..` changes: rename(2) wants it writable.
        await chmod(below, 0o700);
        const moved = pathBelow(top, Buffer.from(randomBytes(8).toString('hex')));
        await rename(below, moved);
        folders.push(moved);
      }
    }
  }
}

/** Makes a fresh folder below `tmp/`. */
export async function temporaryFolder(store: string): Promise<string> {
  const path = temporaryPath(store);
  await mkdir(path);
  return path;
}

/** Makes a folder with a name of its own, which begins with `name`, in one that is there. */
export function folderWithin(parent: string, name: string): Promise<string> {
  return mkdtemp(join(parent, `${name}-`));
}
