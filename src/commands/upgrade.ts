import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CrateUpdate } from '../build/update-crates.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Outdated, OutdatedReport } from '../domain/outdated.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { RunFacts, UpgradedLock, UpgradeReport } from '../domain/upgrade.ts';
import { type Failure, interrupted } from '../failure.ts';
import { offline } from '../pipeline/outdated/compare.ts';
import { findOutdated } from '../pipeline/outdated/outdated.ts';
import type { Planned } from '../pipeline/prepare.ts';
import { relockEach } from '../pipeline/relock.ts';
import { withSession } from '../pipeline/session.ts';
import type { Locked } from '../pipeline/trees.ts';
import { locksToUpgrade, SavedFiles } from '../pipeline/upgrade.ts';
import {
  cargoLockOf,
  cratesToUpgrade,
  type UpgradedCrates,
  upgradeCrates,
} from '../pipeline/upgrade-crates.ts';
import { upgradeSummary } from '../report/actions/upgrade.ts';
import { onDisk } from '../store/disk.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { writePythonLocks } from './lock-python.ts';
import { logsOf, ofRecipes, planEach, recipesOf } from './outdated.ts';
import { provisionRecipe } from './run/provision.ts';
import { upgradeText } from './upgrade-text.ts';

export const command: Command = {
  name: 'upgrade',
  summary: 'lock what is outdated anew and run the samples',
  positionals: [{ name: 'recipe', required: false, rest: true, completes: 'recipe' }],
  options: {
    summary: {
      type: 'string',
      value: '<file>',
      help: 'write the description there, as Markdown for a pull request',
    },
    'no-crates': { type: 'boolean', help: 'leave Cargo.lock as it is' },
  },
  examples: [
    'provision upgrade',
    'provision upgrade aarch64',
    'provision upgrade --project . --summary pr.md',
    'provision upgrade --no-crates',
  ],
  renders: false,
  run,
};

/** A recipe with locks to resolve again. */
interface Due {
  readonly name: string | undefined;
  readonly planned: Planned;
  readonly locks: readonly Locked[];
  /** Whether wheels in its own lock are outdated. */
  readonly wheels: boolean;
  /** What to lock in the `Cargo.lock` of its project. */
  readonly crates: readonly CrateUpdate[];
}

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const { context, positionals } = invocation;
  const { settings } = context;
  if (settings.offline) return err(offline());
  if (settings.frozen) return err(frozen());
  const names = await recipesOf(settings, positionals);
  if (!names.ok) return names;
  const planned = await planEach(context, names.value);
  if (!planned.ok) return planned;
  const found = await withSession(context, planned.value, (session) =>
    findOutdated(session, ofRecipes(session, planned.value)),
  );
  if (!found.ok) return found;
  const due = dueOf(invocation, names.value, planned.value, found.value.outdated);
  if (due.length === 0) return finish(invocation, nothing(invocation, planned.value, found.value));
  const files = await Promise.all(due.map(writtenBy));
  const saved = await SavedFiles.of([...new Set(files.flat())]);
  let kept = false;
  try {
    const upgraded = await upgrade(invocation, planned.value, due, found.value);
    if (!upgraded.ok) return upgraded;
    kept = upgraded.value.failure === undefined;
    return await finish(invocation, upgraded.value);
  } finally {
    if (!kept) await saved.restore();
  }
}

/** Which recipes have locks that are outdated, and theirs to write. */
function dueOf(
  { context: { settings }, values }: Invocation,
  names: readonly (string | undefined)[],
  planned: readonly Planned[],
  outdated: readonly Outdated[],
): readonly Due[] {
  const newer = outdated.filter(({ newest }) => newest !== undefined);
  const ids = new Set(newer.flatMap(({ where }) => where));
  return planned.flatMap((one, index) => {
    const locks = locksToUpgrade(settings, one, ids);
    const { pythonLock } = one.plan;
    const wheels = pythonLock !== undefined && newer.some(({ kind }) => kind === 'python');
    const name = names[index];
    const crates = values['no-crates'] === true ? [] : cratesToUpgrade(settings, one, newer);
    return locks.length === 0 && !wheels && crates.length === 0
      ? []
      : [{ name, planned: one, locks, wheels, crates }];
  });
}

async function writtenBy({ locks, crates, planned }: Due): Promise<readonly string[]> {
  const { pythonLock } = planned.plan;
  return [
    ...locks.map(({ file }) => file.lockFile),
    ...(pythonLock === undefined ? [] : [pythonLock.file]),
    ...(crates.length === 0 ? [] : [await cargoLockOf(planned)]),
  ];
}

type Found = Pick<OutdatedReport, 'outdated' | 'unknown'>;

interface Upgraded {
  readonly report: UpgradeReport;
  readonly failure?: Failure;
}

/** Runs with the locks as they are, resolves them again, and runs with the new ones. */
async function upgrade(
  invocation: Invocation,
  planned: readonly Planned[],
  due: readonly Due[],
  { outdated, unknown }: Found,
): Promise<Result<Upgraded>> {
  const { context } = invocation;
  const before = new Map<Due, RunFacts | undefined>();
  for (const one of due) before.set(one, (await runWith(invocation, one, 'before')).facts);
  const locks = await relockAll(context, due);
  if (!locks.ok) return locks;
  const crates = await relockCrates(context, due);
  if (!crates.ok) return crates;
  const recipes = [];
  let failure: Failure | undefined;
  for (const one of due) {
    if (context.signal.aborted) return err(interrupted());
    const after = await runWith(invocation, one, 'after');
    failure ??= after.failure;
    const facts = defined({ before: before.get(one), after: after.facts });
    recipes.push({ recipe: one.planned.plan.recipe.name, ...facts });
  }
  const all = [...locks.value, ...crates.value.flatMap(({ lock }) => lock ?? [])];
  const refused = crates.value.flatMap(({ left }) => left);
  const ids = new Set(all.map(({ id }) => id));
  const because = (one: Outdated): string | undefined =>
    one.kind === 'crate'
      ? refused.find(({ name, version }) => name === one.name && version === one.version)?.why
      : undefined;
  const isNew = (one: Outdated): boolean =>
    one.newest !== undefined && because(one) === undefined && one.where.some((id) => ids.has(id));
  const left = outdated.filter((one) => !isNew(one));
  const report: UpgradeReport = {
    ...{ schema: 1, kept: failure === undefined, locks: all, recipes },
    upgraded: outdated.filter(isNew),
    left: withReasons(invocation, planned, left, because),
    unknown,
  };
  const changed = crates.value.some(({ lock }) => lock !== undefined);
  return ok({ report, ...defined({ failure: failure && notKept(failure, changed) }) });
}

/** What is left, and why; what only the security updates have says it itself. */
function withReasons(
  { context: { settings }, values }: Invocation,
  planned: readonly Planned[],
  left: readonly Outdated[],
  because: (one: Outdated) => string | undefined,
): UpgradeReport['left'] {
  const ids = new Set(left.flatMap(({ where }) => where));
  const owned = new Set(
    planned.flatMap((one) => locksToUpgrade(settings, one, ids)).map(({ file }) => file.id),
  );
  return left.map((one) => {
    if (one.newest === undefined) return one;
    if (one.kind === 'distribution' && !one.where.some((id) => owned.has(id)))
      return { ...one, why: 'its lock comes with provision, and a newer one with a newer provision' };
    if (one.kind !== 'crate') return one;
    const why =
      values['no-crates'] === true
        ? 'left out by --no-crates'
        : 'its Cargo.lock is not that of your own project';
    return { ...one, why: because(one) ?? why };
  });
}

/** Writes the `Cargo.lock` of each project once, whichever recipes build it. */
async function relockCrates(
  context: Context,
  due: readonly Due[],
): Promise<Result<readonly UpgradedCrates[]>> {
  const projects = new Map(
    due.filter(({ crates }) => crates.length > 0).map((one) => [one.planned.plan.crate.root, one]),
  );
  const all: UpgradedCrates[] = [];
  for (const { planned, crates } of projects.values()) {
    const done = await withSession(context, [planned], (session) =>
      upgradeCrates(session, planned, crates, logsOf(context, planned)),
    );
    if (!done.ok) return done;
    all.push(done.value);
  }
  return ok(all);
}

/** Resolves each lock of packages once, whichever recipes share it. */
async function relockAll(context: Context, due: readonly Due[]): Promise<Result<readonly UpgradedLock[]>> {
  const seen = new Set<string>();
  const all: UpgradedLock[] = [];
  for (const { name, planned, locks, wheels } of due) {
    const rest = locks.filter(({ file }) => !seen.has(file.lockFile));
    for (const { file } of rest) seen.add(file.lockFile);
    const relocked = await relockEach(context, planned.locks, rest);
    if (!relocked.ok) return relocked;
    const python = wheels ? await writePythonLocks(context, [name]) : ok([]);
    if (!python.ok) return python;
    const changed = [...relocked.value, ...python.value].filter((one) => one.changed);
    all.push(...changed.map(({ id, differences }) => ({ id, differences })));
  }
  return ok(all);
}

/** A run that writes no lock; before the locks change its artifacts are kept apart. */
async function runWith(
  invocation: Invocation,
  { name, planned }: Due,
  when: 'before' | 'after',
): Promise<{ readonly facts?: RunFacts; readonly failure?: Failure }> {
  const { context } = invocation;
  const settings = { ...context.settings, frozen: true };
  const artifacts = join(settings.cwd, 'artifacts', 'before-upgrade', planned.plan.recipe.name);
  const ran = await provisionRecipe({
    ...{ ...invocation, context: { ...context, settings }, positionals: name === undefined ? [] : [name] },
    values: { 'no-host': true, ...(when === 'before' ? { artifacts } : {}) },
  });
  if (!ran.ok) return { failure: ran.error };
  const { recipe, status, bundle, totals, samples } = ran.value.json as Report;
  const facts = { recipe, status, totals, samples, ...defined({ bundle }) };
  return { facts, ...defined({ failure: ran.value.failure }) };
}

async function finish(
  { context, values, columns }: Invocation,
  { report, failure }: Upgraded,
): Promise<Result<Outcome>> {
  const summary = upgradeSummary(report);
  if (typeof values.summary === 'string') {
    const file = resolve(context.settings.cwd, values.summary);
    const written = await onDisk(file, () => writeFile(file, summary));
    if (!written.ok) return written;
  }
  const text = upgradeText(report, columns);
  return ok({ text, json: report, actions: { summary }, ...defined({ failure }) });
}

function nothing(
  invocation: Invocation,
  planned: readonly Planned[],
  { outdated, unknown }: Found,
): Upgraded {
  const left = withReasons(invocation, planned, outdated, () => undefined);
  return { report: { schema: 1, kept: true, locks: [], recipes: [], upgraded: [], left, unknown } };
}

function notKept(failure: Failure, crates: boolean): Failure {
  const why = 'That is with the newer packages: the locks are those of before again.';
  return {
    ...failure,
    why: failure.why === undefined ? why : `${failure.why} ${why}`,
    fix: [...failure.fix, ...(crates ? ['`provision upgrade --no-crates` leaves Cargo.lock as it is.'] : [])],
  };
}

function frozen(): Failure {
  return {
    code: 'usage/frozen-upgrade',
    what: '`provision upgrade` writes locks, and --frozen forbids it.',
    fix: ['Leave out `--frozen`.', 'See what is outdated: `provision outdated`.'],
  };
}
