import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { applyFolderAttributes } from '../../archive/folder-attributes.ts';
import { Folders } from '../../archive/folders.ts';
import { Budget } from '../../archive/limits.ts';
import { refusable } from '../../archive/refusal.ts';
import { readTar } from '../../archive/tar-reader.ts';
import { Writer } from '../../archive/writer.ts';
import { err, type Result } from '../../domain/result.ts';
import { removeTree } from '../../store/temporary.ts';
import { cannotCopy } from '../failures.ts';
import { isWithin } from '../paths.ts';
import type { Machine } from './machine.ts';

/** What a build may leave behind: it is the person's own, and their disk is the limit. */
const LIMITS = { bytes: 1024 ** 4, files: 100_000_000 };

/** What the copy is called until it is in its place. */
const COPY = 'copy';

export interface CopyOut {
  /** A container that sees the places. */
  readonly container: string;
  /** Scratch folders and volumes. */
  readonly places: readonly string[];
  readonly from: string;
  readonly to: string;
}

/** Copies a file or folder out of a container; a link is followed to what the same places hold. Throws what the API throws. */
export async function copyOut(
  machine: Machine,
  { container, places, from, to }: CopyOut,
): Promise<Result<void>> {
  const { api, context } = machine;
  const within = (path: string): boolean => places.some((at) => isWithin(join(path), at));
  if (!within(from)) {
    return err(cannotCopy(from, to, 'Only what lies in a scratch folder or a volume can be copied out.'));
  }
  const there = await api.containers.stat(container, from);
  if (there === undefined) return err(cannotCopy(from, to, 'It does not exist.'));
  const path = there.linkTarget === '' ? from : there.linkTarget;
  if (!within(path)) {
    return err(cannotCopy(from, to, `A link leads to ${path}, outside the scratch folders and volumes.`));
  }
  if (await exists(to)) return err(cannotCopy(from, to, 'The target exists already.'));
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

/** Docker's archives begin with the name of the folder, Podman's of a volume with `/`. */
function renamed(name: string, top: string): string {
  const plain = withoutSlashes(name);
  const below = top === '' ? plain : plain.startsWith(`${top}/`) ? plain.slice(top.length + 1) : '';
  return below === '' ? COPY : `${COPY}/${below}`;
}

function withoutSlashes(name: string): string {
  return name.replace(/^\/+|\/+$/g, '');
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
