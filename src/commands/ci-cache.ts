import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import { setOf } from '../pipeline/tree-orders.ts';
import { allLocks } from '../pipeline/trees.ts';
import { onDisk } from '../store/disk.ts';
import { openStore } from '../store/open.ts';
import {
  keysOf,
  type LockedFiles,
  type PlacedPart,
  placeParts,
  type SavedPart,
  saveParts,
} from '../store/parts.ts';
import type { Invocation, Outcome } from './command.ts';
import { tableText } from './table.ts';

/** `provision cache keys [<recipe>]`: the keys of what its locks name, before a run. */
export async function cacheKeys(
  { context }: Invocation,
  recipe: string | undefined,
): Promise<Result<Outcome>> {
  const planned = await planRun({ ...context, emit: () => {} }, recipe, hostMachine());
  if (!planned.ok) return planned;
  const keys = keysOf(lockedFiles(planned.value));
  const outputs = Object.fromEntries(Object.entries(keys).map(([part, key]) => [`${part}-key`, key]));
  const rows = Object.entries(keys).map(([part, key]) => [part, key]);
  return ok({ text: tableText([['part', 'key'], ...rows]), json: keys, actions: { outputs } });
}

/** `provision cache restore <folder>`: what a CI service has restored there goes into the store. */
export async function restoreCache({ context }: Invocation, given: string): Promise<Result<Outcome>> {
  const folder = resolve(context.settings.cwd, given);
  const taken = await takenByFile(folder, given);
  if (taken !== undefined) return err(taken);
  const existed = await exists(folder);
  const store = await openStore(context.settings.store);
  if (!store.ok) return store;
  const placed = await onDisk(store.value.folder, () => placeParts(store.value.folder, folder));
  if (!placed.ok) return placed;
  const parts = placed.value;
  return ok({ text: restoredText(given, existed, parts), json: { folder, existed, parts } });
}

/** The first run of a CI service has no folder yet, which is no failure; a mistyped one looks the same. */
function restoredText(given: string, existed: boolean, parts: readonly PlacedPart[]): string {
  if (!existed) return `${given} does not exist: nothing is restored. The first run has no cache yet.\n`;
  if (parts.every(({ found }) => found === 0))
    return `${given} has no part of a store: nothing is restored.\n`;
  return tableText([
    ['part', 'restored', 'in the store already'],
    ...parts.map(({ part, found, placed }) => [part, String(placed), String(found - placed)]),
  ]);
}

/** `provision cache save <folder> [<recipe>]`: fills the folders that the CI service is to keep anew. */
export async function saveCache(
  { context }: Invocation,
  given: string,
  recipe: string | undefined,
): Promise<Result<Outcome>> {
  const folder = resolve(context.settings.cwd, given);
  const taken = await takenByFile(folder, given);
  if (taken !== undefined) return err(taken);
  const quiet = { ...context, emit: () => {} };
  const planned = await planRun(quiet, recipe, hostMachine());
  if (!planned.ok) return planned;
  const { store } = context.settings;
  const saved = await onDisk(folder, () => saveParts(store, folder, lockedFiles(planned.value)));
  if (!saved.ok) return saved;
  const outputs = saved.value.flatMap(({ part, key, isNew }) => [
    [`${part}-key`, key] as const,
    [`${part}-new`, String(isNew)] as const,
  ]);
  return ok({
    text: tableOf(saved.value),
    json: { folder, parts: saved.value },
    actions: { outputs: Object.fromEntries(outputs) },
  });
}

/** The failure for a folder that is something else; one that is not there yet is made. */
async function takenByFile(folder: string, given: string): Promise<Failure | undefined> {
  const info = await stat(folder).catch(absentAsUndefined);
  if (info === undefined || info.isDirectory()) return undefined;
  return {
    code: 'usage/cache',
    what: `${given} is no folder.`,
    fix: ['Name the folder that the CI service keeps, which may be a new one.'],
  };
}

/** The package files of a recipe: those of the toolchain, which several recipes share and which seldom change, and the others. */
function lockedFiles({ plan, locks }: Planned): LockedFiles {
  const digestsOf = (all: readonly LockedPackage[]): readonly Digest[] => all.map(({ digest }) => digest);
  const wheel = plan.runtimeDefinition?.wheel.digest;
  return {
    // Without the standard library of the recipe's own target.
    toolchain: digestsOf(setOf(locks.toolchain, 'rootfs')),
    packages: [
      ...digestsOf(allLocks(locks).flatMap(({ needed }) => needed)),
      ...(wheel === undefined ? [] : [wheel]),
    ],
  };
}

function tableOf(parts: readonly SavedPart[]): string {
  return tableText([
    ['part', 'to be sent', 'files', 'key'],
    ...parts.map(({ part, isNew, files, bytes, key }) => [
      part,
      isNew ? formatBytes(bytes) : 'nothing new',
      String(files),
      key.slice(0, 12),
    ]),
  ]);
}
