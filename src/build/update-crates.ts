import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { Store } from '../store/store.ts';
import {
  type AskedCargo,
  askAboutProject,
  type CargoInput,
  readCargoLock,
  writtenLock,
} from './ask-cargo.ts';
import { packagesIn } from './cargo-lock.ts';
import { keyOf } from './newer-crates.ts';

/** A locked crate, and the version to lock in its place. */
export interface CrateUpdate {
  readonly name: string;
  readonly version: string;
  readonly to: string;
}

export interface UpdatedCrates {
  /** The text of `Cargo.lock` before, and as cargo wrote it. */
  readonly before: string;
  readonly after: string;
  /** What cargo did not take, and its reason. */
  readonly left: readonly (CrateUpdate & { readonly why: string })[];
}

/**
 * Has cargo lock these versions of these crates, and of others only what they cannot do without; in a copy of the project, which itself
 * stays as it is. Cargo takes one at a time (`--precise`), and some only after others (a crate that names a version of another exactly),
 * so what was refused is tried again as long as something else was taken. Failures: those of fetching crates.
 */
export async function updateCrates(
  context: Context,
  store: Store,
  input: Omit<CargoInput, 'log' | 'writable'>,
  wanted: readonly CrateUpdate[],
): Promise<Result<UpdatedCrates>> {
  const before = await readCargoLock(input.plan.recipe.project);
  const asked: CargoInput = { ...input, log: 'upgrade-crates.log', writable: true };
  return askAboutProject(context, store, asked, before, async (cargo) => {
    let [after, pending] = [before, lockedOf(before, wanted)];
    for (;;) {
      const refused: UpdatedCrates['left'][number][] = [];
      const known = after;
      for (const one of pending) {
        // Another may have brought it along.
        if (lockedOf(after, [one]).length === 0) continue;
        const run = await update(cargo, one);
        if (run.ok) {
          const text = await writtenLock(cargo);
          if (!text.ok) return text;
          after = text.value;
        } else if (isOfCrate(run.error)) refused.push({ ...one, why: reasonOf(run.error) });
        else return run;
      }
      if (refused.length === 0 || after === known) return ok({ before, after, left: refused });
      pending = refused;
    }
  });
}

function update(cargo: AskedCargo, { name, version, to }: CrateUpdate) {
  const doing = `Locking ${name} ${to}`;
  return cargo.run(doing, ['update', '--package', `${name}@${version}`, '--precise', to]);
}

function lockedOf<T extends CrateUpdate>(lock: string, crates: readonly T[]): readonly T[] {
  const locked = new Set(
    packagesIn(lock).map((one) => keyOf({ name: String(one.name), version: String(one.version) })),
  );
  return crates.filter((one) => locked.has(keyOf(one)));
}

/** Whether others may be taken all the same: not where the network or a registry failed, or the run ends. */
function isOfCrate({ code }: Failure): boolean {
  return code === 'fetch/crates' || code.startsWith('build/');
}

function reasonOf({ evidence = [] }: Failure): string {
  const line = evidence.find((one) => one.startsWith('error: ')) ?? evidence.at(-1) ?? '';
  return `cargo does not take it: ${line.replace(/^error: /, '')}`;
}

/** What is another version in one lock than in the other. Of a crate in several versions, the lowest stands for the lowest. */
export function lockDifferences(
  before: string,
  after: string,
): readonly { readonly name: string; readonly from?: string; readonly to?: string }[] {
  const [old, now] = [versionsIn(before), versionsIn(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [was, is] = [old.get(name) ?? [], now.get(name) ?? []];
    const gone = was.filter((one) => !is.includes(one));
    const fresh = is.filter((one) => !was.includes(one));
    return Array.from({ length: Math.max(gone.length, fresh.length) }, (_, i) => ({
      name,
      ...(gone[i] === undefined ? {} : { from: gone[i] }),
      ...(fresh[i] === undefined ? {} : { to: fresh[i] }),
    }));
  });
}

function versionsIn(lock: string): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(packagesIn(lock), ({ name }) => String(name));
  const order = new Intl.Collator('en', { numeric: true }).compare;
  return new Map(
    [...groups].map(([name, all]) => [name, all.map(({ version }) => String(version)).sort(order)]),
  );
}
