import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { ok, type Result } from '../domain/result.ts';
import type { LockedWheel, PythonLock } from '../lock/python-lock.ts';
import type { LockDifference } from '../lock/relock.ts';
import { hostMachine } from '../pipeline/host.ts';
import { planFrom } from '../pipeline/prepare.ts';
import { lockPython } from '../pipeline/python-lock.ts';
import { withSession } from '../pipeline/session.ts';
import { resolveRecipe } from '../recipe/recipe.ts';

interface Written {
  readonly id: string;
  readonly changed: boolean;
  readonly differences: readonly LockDifference[];
}

/** Writes the locks of Python packages of recipes. */
export async function writePythonLocks(
  context: Context,
  recipes: readonly (string | undefined)[],
): Promise<Result<readonly Written[]>> {
  const written: Written[] = [];
  for (const recipe of recipes) {
    const one = await writeLock(context, recipe);
    if (!one.ok) return one;
    if (one.value !== undefined) written.push(one.value);
  }
  return ok(written);
}

async function writeLock(context: Context, recipe: string | undefined): Promise<Result<Written | undefined>> {
  const resolved = await resolveRecipe(context.settings, recipe);
  if (!resolved.ok) return resolved;
  const lock = resolved.value.pythonLock;
  if (lock === undefined) return ok(undefined);
  const planned = await planFrom(context, resolved.value, hostMachine(), true);
  if (!planned.ok) return planned;
  const before = await readFile(lock.file, 'utf8').catch(unlessDeviceFailed(''));
  const logs = join(context.settings.cwd, 'artifacts', resolved.value.recipe.name, 'logs');
  const made = await withSession(context, [planned.value], (session) =>
    lockPython(session, planned.value, logs),
  );
  if (!made.ok) return made;
  if (made.value === undefined) return ok(undefined);
  const after = await readFile(lock.file, 'utf8');
  const differences = differencesOf(readable(before), made.value);
  return ok({ id: basename(lock.file), changed: before !== after, differences });
}

function readable(text: string): PythonLock | undefined {
  try {
    return JSON.parse(text) as PythonLock;
  } catch {
    return undefined;
  }
}

function differencesOf(before: PythonLock | undefined, after: PythonLock): readonly LockDifference[] {
  const sets = (lock: PythonLock | undefined): ReadonlyMap<string, readonly LockedWheel[]> =>
    new Map(
      lock === undefined
        ? []
        : [['target', lock.target], ['reference', lock.reference], ...Object.entries(lock.build)],
    );
  const [old, now] = [sets(before), sets(after)];
  const differences: LockDifference[] = [];
  for (const set of new Set([...old.keys(), ...now.keys()])) {
    const from = new Map((old.get(set) ?? []).map(({ name, version }) => [name, version]));
    const to = new Map((now.get(set) ?? []).map(({ name, version }) => [name, version]));
    for (const name of [...new Set([...from.keys(), ...to.keys()])].sort()) {
      const [was, is] = [from.get(name), to.get(name)];
      if (was !== is)
        differences.push({ set, name, architecture: set, ...(was && { from: was }), ...(is && { to: is }) });
    }
  }
  return differences;
}

/** Whether the locks of Python packages fit; the names of those that there are. */
export async function checkPythonLocks(
  context: Context,
  recipes: readonly (string | undefined)[],
): Promise<Result<readonly string[]>> {
  const names: string[] = [];
  for (const recipe of recipes) {
    const resolved = await resolveRecipe(context.settings, recipe);
    if (!resolved.ok) return resolved;
    if (resolved.value.pythonLock === undefined) continue;
    const planned = await planFrom(context, resolved.value, hostMachine());
    if (!planned.ok) return planned;
    if (planned.value.python?.packages?.lock !== undefined)
      names.push(basename(resolved.value.pythonLock.file));
  }
  return ok(names);
}
