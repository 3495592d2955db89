import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { lockName } from '../build/newer-crates.ts';
import { type CrateUpdate, lockDifferences, updateCrates } from '../build/update-crates.ts';
import type { Settings } from '../domain/context.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Outdated } from '../domain/outdated.ts';
import { ok, type Result } from '../domain/result.ts';
import type { UpgradedLock } from '../domain/upgrade.ts';
import { onDisk } from '../store/disk.ts';
import { cargoInput } from './outdated/crates.ts';
import type { Planned } from './prepare.ts';
import type { Session } from './session.ts';
import { isOwners, replaceFile } from './upgrade.ts';

/** Path of the `Cargo.lock` of a recipe's project, at the end of any links. */
export function cargoLockOf({ plan }: Planned): Promise<string> {
  const file = join(plan.crate.root, 'Cargo.lock');
  return realpath(file).catch(unlessDeviceFailed(file));
}

/** The outdated crates of a recipe's project that its owner has newer ones of: of a `Cargo.lock` that is his to write. */
export function cratesToUpgrade(
  { home }: Pick<Settings, 'home'>,
  { plan }: Planned,
  outdated: readonly Outdated[],
): readonly CrateUpdate[] {
  const name = lockName(plan);
  if (!plan.crate.locked || !isOwners(home, plan, join(plan.crate.root, 'Cargo.lock'))) return [];
  return outdated.flatMap(({ kind, name: crate, version, newest, where }) =>
    kind === 'crate' && newest !== undefined && where.includes(name)
      ? [{ name: crate, version, to: newest }]
      : [],
  );
}

export interface UpgradedCrates {
  /** Absent: cargo took none. */
  readonly lock?: UpgradedLock;
  readonly left: readonly (CrateUpdate & { readonly why: string })[];
}

/** Writes the `Cargo.lock` of a recipe's project with these crates. Failures: those of fetching crates, and of its disk. */
export async function upgradeCrates(
  session: Session,
  planned: Planned,
  wanted: readonly CrateUpdate[],
  logs: string,
): Promise<Result<UpgradedCrates>> {
  const asking = await cargoInput(session, planned, logs);
  if (!asking.ok) return asking;
  const updated = await updateCrates(session.context, session.store, asking.value, wanted);
  if (!updated.ok) return updated;
  const { before, after, left } = updated.value;
  if (after === before) return ok({ left });
  const file = await cargoLockOf(planned);
  const written = await onDisk(file, () => replaceFile(file, Buffer.from(after)));
  if (!written.ok) return written;
  const differences = lockDifferences(before, after).map((one) => ({ set: 'crates', ...one }));
  return ok({ lock: { id: lockName(planned.plan), differences }, left });
}
