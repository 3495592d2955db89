import type { Context } from '../domain/context.ts';
import type { DefinitionFile, ImageDefinition } from '../domain/definitions.ts';
import type { Lock, LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { unservedPackages } from '../fetch/unserved.ts';
import { toolsOn } from '../lock/additions.ts';
import type { LockedDefinition } from '../lock/checksum.ts';
import { type LockDifference, type Relocked, relock } from '../lock/relock.ts';
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
  const relocked = await relockEach(context, locks, affected, ({ file, definition }) =>
    context.emit({
      type: 'notice',
      level: 'warning',
      code: 'lock/moved-on',
      message: `The archive has changed: ${failure.what} Resolving ${file.id} again within ${definition.suite}.`,
    }),
  );
  if (!relocked.ok) return relocked;
  for (const { id, differences } of relocked.value)
    for (const difference of differences) context.emit(changedPackage(id, difference));
  // The archive still lists the files that it does not serve: trying again would not end.
  return relocked.value.some(({ changed }) => changed) ? ok(undefined) : err(failure);
}

/** Resolves a definition again, as `relock` does; what no mirror serves yet stays as it is locked. */
export function relockServed(
  context: Context,
  file: DefinitionFile,
  definition: LockedDefinition,
): Promise<Result<Relocked>> {
  const unserved = (packages: readonly LockedPackage[], resolved: string) =>
    unservedPackages(context, packages, resolved);
  return relock(context, file, definition, { unserved });
}

/** Resolves some of a run's locks again, in their order: an image before what is added to it. */
export async function relockEach(
  context: Context,
  locks: Locks,
  affected: readonly Locked[],
  before: (locked: Locked) => void = () => {},
): Promise<Result<readonly (Relocked & { readonly id: string })[]>> {
  let { lock: image } = locks.toolchain;
  const done: (Relocked & { readonly id: string })[] = [];
  for (const locked of affected) {
    before(locked);
    const definition = locked === locks.tools ? toolsAgain(locks, image) : locked.definition;
    const relocked = await relockServed(context, locked.file, definition);
    if (!relocked.ok) return relocked;
    done.push({ id: locked.file.id, ...relocked.value });
    for (const one of relocked.value.kept) context.emit(keptPackage(locked.file.id, one));
    if (locked === locks.toolchain) image = relocked.value.lock;
  }
  return ok(done);
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

function keptPackage(id: string, { name, architecture, from = '', to = '' }: LockDifference) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'lock/not-served',
    message: `${id}: ${name}:${architecture} stays ${from}. The archive lists ${to}, and no mirror serves it yet; \`provision upgrade\` takes it once one does.`,
  } as const;
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
