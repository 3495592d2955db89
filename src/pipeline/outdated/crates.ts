import { newerOfBundled } from '../../build/bundled-crates.ts';
import { lockName, type NewerCrate, newerCrates } from '../../build/newer-crates.ts';
import { defined } from '../../domain/defined.ts';
import type { IncompatibleCrate, Outdated } from '../../domain/outdated.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import { bareVariables } from '../../env/env.ts';
import type { Failure } from '../../failure.ts';
import type { ListedComponent } from '../../sbom/listed.ts';
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
  const asking = await cargoInput(session, planned, logs);
  if (!asking.ok) return asking;
  const found = await newerCrates(session.context, session.store, asking.value);
  if (!found.ok) return notAsked(found.error, where);
  return ok({ ...findings(found.value, where), unknown: [] });
}

/** The same of the crates that a bill of materials lists: `where` is whose it is. */
export async function outdatedInBundle(
  session: Session,
  planned: Planned,
  listed: { readonly where: string; readonly components: readonly ListedComponent[] },
  logs: string,
): Promise<Result<OutdatedCrates>> {
  const { where } = listed;
  const crates = cratesIn(listed.components);
  const asking = await cargoInput(session, planned, logs);
  if (!asking.ok) return asking;
  const found = await newerOfBundled(session.context, session.store, asking.value, crates);
  if (!found.ok) return notAsked(found.error, where);
  const unknown = found.value.unknown.map((line) => `the crate ${line} (${where})`);
  return ok({ ...findings(found.value.newer, where), unknown });
}

/** The crates of a bill of materials, each version once. */
export function cratesIn(components: readonly ListedComponent[]) {
  const crates = components
    .filter(({ purl }) => purl?.startsWith('pkg:cargo/') === true)
    .map(({ name, version, sha256 }) => ({ name, version, ...defined({ checksum: sha256 }) }));
  return [...new Map(crates.map((one) => [JSON.stringify(one), one])).values()];
}

/** What cargo is asked with: that of a recipe's toolchain, which is made where it is not there. */
export async function cargoInput(session: Session, planned: Planned, logs: string) {
  const run = await startRun(session, planned, { logs });
  if (!run.ok) return run;
  const toolchain: Result<StoredTree> = await run.value.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const { plan } = planned;
  return ok({
    ...{ plan, toolchain: toolchain.value, engine: session.engine, logs },
    variables: bareVariables(plan),
  });
}

function notAsked(failure: Failure, where: string): Result<OutdatedCrates> {
  if (!/^(fetch|build)\//.test(failure.code)) return err(failure);
  return ok({ outdated: [], incompatible: [], unknown: [`the crates of ${where}: ${failure.what}`] });
}

function findings(
  found: readonly NewerCrate[],
  where: string,
): Pick<OutdatedCrates, 'outdated' | 'incompatible'> {
  return {
    outdated: found.flatMap(({ name, version, compatible, yanked }) =>
      compatible === undefined && !yanked
        ? []
        : [
            {
              ...({ kind: 'crate', name, packages: [name], version, shipped: true, where: [where] } as const),
              ...defined({ newest: compatible, yanked: yanked ? (true as const) : undefined }),
            },
          ],
    ),
    incompatible: found.flatMap(({ name, version, later }) =>
      later === undefined ? [] : [{ name, version, newest: later, where }],
    ),
  };
}
