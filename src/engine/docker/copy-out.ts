import { randomUUID } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { applyFolderAttributes } from '../../archive/folder-attributes.ts';
import { Folders } from '../../archive/folders.ts';
import { Budget } from '../../archive/limits.ts';
import { refusable } from '../../archive/refusal.ts';
import { readTar } from '../../archive/tar-reader.ts';
import { Writer } from '../../archive/writer.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { entryExists } from '../../exec/files.ts';
import { removeTree } from '../../store/temporary.ts';
import { cannotCopy } from '../failures.ts';
import { isWithin } from '../paths.ts';
import type { Machine } from './machine.ts';

/** What a build may leave behind: it belongs to the user, and their disk is the limit. */
const LIMITS = { bytes: 1024 ** 4, files: 100_000_000 };

/** What the copy is called until it is in its place. */
const COPY = 'copy';

export interface CopyOut {
  /** A container that has the mounts. */
  readonly container: string;
  /** Paths of the scratch folders and volumes. */
  readonly mounts: readonly string[];
  readonly from: string;
  readonly to: string;
}

/** Copies a file or folder out of a container; links are followed to what the same mounts hold. Throws what the API throws. */
export async function copyOut(machine: Machine, request: CopyOut): Promise<Result<void>> {
  const { container, from, to } = request;
  const { api, context } = machine;
  const resolved = await resolvePath(machine, request);
  if (!resolved.ok) return resolved;
  const path = resolved.value;
  if (await entryExists(to)) return err(cannotCopy(from, to, 'The target exists already.'));
  const stream = await api.containers.get(container, path, context.signal);
  if (stream === undefined) return err(cannotCopy(from, to, 'It does not exist.'));
  // Beside the target, so that it can be moved into place.
  const temporary = join(dirname(to), `.copy-${randomUUID()}`);
  try {
    return await refusable(to, async () => {
      await mkdir(temporary);
      const folders = new Folders(temporary);
      const budget = new Budget(LIMITS, Budget.counters());
      const writer = new Writer({ archive: from, folders, excludes: () => false, budget });
      const chunks = async (take: (chunk: Buffer) => void): Promise<void> => {
        for await (const chunk of stream) take(chunk as Buffer);
      };
      let top: string | undefined;
      await readTar(from, chunks, (entry) => {
        // The first entry is the thing itself.
        top ??= withoutSlashes(entry.name);
        const name = renamed(entry.name, top);
        const target = entry.type === 'hard-link' ? renamed(entry.target, top) : entry.target;
        return writer.visit({ ...entry, name, target });
      });
      applyFolderAttributes(temporary, writer.attributes, folders.takeMade());
      await rename(join(temporary, COPY), to);
    });
  } finally {
    stream.destroy();
    await removeTree(temporary);
  }
}

/** The path of `from` with all links resolved; it lies in one of the mounts. */
async function resolvePath(
  { api }: Machine,
  { container, mounts, from, to }: CopyOut,
): Promise<Result<string>> {
  let path = '/';
  for (const name of from.split('/')) {
    path = join(path, name);
    // What leads to a mount has no links: the mounts' own paths are free of them.
    if (name === '..' || mounts.some((at) => isWithin(at, path))) continue;
    const there = await api.containers.stat(container, path);
    if (there === undefined) return err(cannotCopy(from, to, 'It does not exist.'));
    if (there.linkTarget !== '') path = there.linkTarget;
  }
  if (mounts.some((at) => isWithin(path, at))) return ok(path);
  const why =
    path === join('/', from)
      ? 'Only what lies in a scratch folder or a volume can be copied out.'
      : `A link on the way leads to ${path}, outside the scratch folders and volumes.`;
  return err(cannotCopy(from, to, why));
}

/** Docker's archives begin with the name of the folder, Podman's of a volume with `/`. */
function renamed(name: string, top: string): string {
  const plain = withoutSlashes(name);
  const below = top === '' ? plain : plain.startsWith(`${top}/`) ? plain.slice(top.length + 1) : '';
  return below === '' ? COPY : `${COPY}/${below}`;
}

function withoutSlashes(name: string): string {
  return name.replace(/^\/+|\/+$/g, '');
}
