import type { ImageDefinition } from '../domain/definitions.ts';
import type { Lock } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { toolsOn } from '../lock/additions.ts';
import type { LockedDefinition } from '../lock/checksum.ts';
import { type LockDifference, relock } from '../lock/relock.ts';
import type { Session } from './session.ts';
import { allLocks, type Locked, type Locks } from './trees.ts';

/**
 * If no mirror has a locked file any more, resolves the locks that name it again, within their suite, with a warning for
 * each change. With `--frozen` the failure is returned.
 */
export async function relockMissing(session: Session, locks: Locks, failure: Failure): Promise<Result<void>> {
  const { context } = session;
  if (context.settings.frozen || context.settings.offline) return err(failure);
  const affected = await lacking(session, locks);
  let { lock: image } = locks.toolchain;
  let changed = false;
  for (const locked of affected) {
    const { file } = locked;
    const definition = locked === locks.tools ? toolsAgain(locks, image) : locked.definition;
    context.emit({
      type: 'notice',
      level: 'warning',
      code: 'lock/moved-on',
      message: `The archive has changed: ${failure.what} Resolving ${file.id} again within ${definition.suite}.`,
    });
    const relocked = await relock(context, file, definition);
    if (!relocked.ok) return relocked;
    changed ||= relocked.value.changed;
    if (locked === locks.toolchain) image = relocked.value.lock;
    for (const difference of relocked.value.differences) context.emit(changedPackage(file.id, difference));
  }
  // The archive still lists the files that it does not serve: trying again would not end.
  return changed ? ok(undefined) : err(failure);
}

/** What a recipe adds to an image is locked for the image as it is locked now. */
function toolsAgain({ toolchain, tools }: Locks, image: Lock): LockedDefinition {
  const { packages } = (tools as Locked).definition.rootfs;
  return toolsOn(toolchain.definition as ImageDefinition, image, packages);
}

/**
 * Locks with packages that are not in the store, each once, also where two roles share a definition: of an image before
 * what is added to it.
 */
async function lacking({ store }: Session, locks: Locks): Promise<readonly Locked[]> {
  const found = new Map<string, Locked>();
  const { toolchain, tools } = locks;
  for (const locked of allLocks(locks)) {
    const there = await Promise.all(locked.needed.map(({ digest }) => exists(store.blobPath(digest))));
    const base = locked === tools && found.has(toolchain.file.id);
    if (base || there.includes(false)) found.set(locked.file.id, locked);
  }
  return [...found.values()];
}

function changedPackage(id: string, { name, architecture, from, to }: LockDifference) {
  const change = from === undefined ? `new: ${to}` : to === undefined ? `gone: ${from}` : `${from} → ${to}`;
  return {
    type: 'notice',
    level: 'warning',
    code: 'lock/changed',
    message: `${id}: ${name}:${architecture} ${change}. The lock was rewritten; commit it.`,
  } as const;
}
