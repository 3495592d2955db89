import { lockName, newerCrates } from '../../build/newer-crates.ts';
import { defined } from '../../domain/defined.ts';
import type { IncompatibleCrate, Outdated } from '../../domain/outdated.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type Planned, startRun } from '../prepare.ts';
import type { Session } from '../session.ts';

export interface OutdatedCrates {
  readonly outdated: readonly Outdated[];
  readonly incompatible: readonly IncompatibleCrate[];
  readonly unknown: readonly string[];
}

/** What of the locked crates of a recipe's project is outdated. A registry that cargo cannot ask leaves them unknown. */
export async function outdatedCrates(
  session: Session,
  planned: Planned,
  logs: string,
): Promise<Result<OutdatedCrates>> {
  const where = lockName(planned.plan);
  const run = await startRun(session, planned, { logs });
  if (!run.ok) return run;
  const toolchain = await run.value.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const { context, store, engine } = session;
  const found = await newerCrates(context, store, {
    ...{ plan: planned.plan, toolchain: toolchain.value, engine, logs },
  });
  if (!found.ok) {
    if (!/^(fetch|build)\//.test(found.error.code)) return found;
    return ok({ outdated: [], incompatible: [], unknown: [`the crates of ${where}: ${found.error.what}`] });
  }
  return ok({
    outdated: found.value.flatMap(({ name, version, compatible, yanked }) =>
      compatible === undefined && !yanked
        ? []
        : [
            {
              ...({ kind: 'crate', name, packages: [name], version, shipped: true, where: [where] } as const),
              ...defined({ newest: compatible, yanked: yanked ? (true as const) : undefined }),
            },
          ],
    ),
    incompatible: found.value.flatMap(({ name, version, later }) =>
      later === undefined ? [] : [{ name, version, newest: later, where }],
    ),
    unknown: [],
  });
}
