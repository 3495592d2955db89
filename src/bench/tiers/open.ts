import { closest } from '../../domain/closest.ts';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { TierDefinition, Tiers } from '../../domain/tier.ts';
import type { Failure } from '../../failure.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { type Planned, planRun } from '../../pipeline/prepare.ts';
import { type Session, withSession } from '../../pipeline/session.ts';
import { loadTiers } from '../../recipe/tiers.ts';
import type { RuntimeInstance } from '../../runtime/instance.ts';
import { runtimeCapabilities } from '../../runtime/runtime.ts';
import { makeImageTree } from '../image-tree.ts';
import { prepareFromPlan } from '../prepared-recipe.ts';
import { foundOnly, NOT_THERE } from './found-only.ts';

/** A tier in which scripts can be run. */
export interface OpenTier {
  readonly definition: TierDefinition;
  /** With the tier's own environment. */
  readonly instance: RuntimeInstance;
  /** Root in which it is measured, and the interpreter that measures there. */
  readonly rootfs: string;
  readonly driver: RuntimeInstance;
  /** Bytes of its bundle; absent: it has none. */
  readonly size?: number;
  /** Name of the recipe, as its reports have it. */
  readonly recipe?: string;
  /** The version of its Python, such as `3.14`; absent: no recipe states it. */
  readonly python?: string;
}

/** A tier that cannot be measured here and now. */
export interface AbsentTier {
  readonly name: string;
  readonly description: string;
  readonly why: string;
  /** The command that provisions it, where there is one. */
  readonly command?: string;
}

export interface OpenTiers {
  readonly session: Session;
  readonly workloads: Tiers['workloads'];
  /** The reference first; then the others in their order. */
  readonly reference: OpenTier;
  readonly others: readonly OpenTier[];
  readonly absent: readonly AbsentTier[];
}

export interface OpenOptions {
  /** Tiers, or recipes that are none; absent: all. */
  readonly names?: readonly string[];
  /** Whether the named ones are provisioned where the store lacks them. */
  readonly make: boolean;
  /** Folder for logs. */
  readonly folder: string;
}

/**
 * Opens tiers in one session, and calls `use` with them. Fails with `usage/no-tiers` where the store has no bundle with the
 * reference: it is opened with one.
 */
export async function withTiers<T>(
  context: Context,
  options: OpenOptions,
  use: (tiers: OpenTiers) => Promise<Result<T>>,
): Promise<Result<T>> {
  const known = await loadTiers(context.settings.home);
  if (!known.ok) return known;
  const { workloads, tiers: all } = known.value;
  const wanted = wantedOf(all, options.names);
  const plans = new Map<TierDefinition, Result<Planned>>();
  // The reference comes with any recipe, also one that is not asked for.
  for (const tier of new Set([...wanted, ...all])) {
    if (tier.how.kind === 'recipe') plans.set(tier, await planOf(context, tier));
  }
  const planned = [...plans.values()].flatMap((one) => (one.ok ? [one.value] : []));
  return withSession(context, planned, async (session) => {
    const opened = await openAll(session, { all, wanted, plans }, options);
    return opened.ok ? use({ session, workloads, ...opened.value }) : opened;
  });
}

function wantedOf(all: readonly TierDefinition[], names?: readonly string[]): readonly TierDefinition[] {
  if (names === undefined) return all;
  return names.map(
    (name) =>
      all.find((tier) => tier.name === name) ?? {
        ...{ name, description: `The recipe ${name}.`, env: {} },
        how: { kind: 'recipe', recipe: name },
      },
  );
}

function planOf(context: Context, { how }: TierDefinition): Promise<Result<Planned>> {
  if (how.kind !== 'recipe') throw new Error('only recipes are planned');
  const { python: _, ...own } = context.settings;
  const settings = { ...own, ...defined({ python: how.python }) };
  return planRun({ ...context, settings, emit: () => {} }, how.recipe, hostMachine());
}

interface Wanted {
  readonly all: readonly TierDefinition[];
  readonly wanted: readonly TierDefinition[];
  readonly plans: ReadonlyMap<TierDefinition, Result<Planned>>;
}

type Opened = Pick<OpenTiers, 'reference' | 'others' | 'absent'>;

async function openAll(
  session: Session,
  { all, wanted, plans }: Wanted,
  options: OpenOptions,
): Promise<Result<Opened>> {
  const found = foundOnly(session);
  const others = new Map<TierDefinition, OpenTier>();
  const absent: AbsentTier[] = [];
  const making = options.make && options.names !== undefined ? session : found;
  for (const tier of wanted) {
    const plan = plans.get(tier);
    if (plan === undefined) continue;
    const opened = plan.ok ? await openRecipe(making, tier, plan.value, options.folder) : plan;
    if (opened.ok) others.set(tier, opened.value);
    else if (options.names !== undefined && (options.make || !plan.ok))
      return err(misnamed(opened.error, tier, all));
    else absent.push(absentOf(tier, opened.error));
  }
  const reference = await referenceOf(found, all, plans, [...others.values()], options.folder);
  if (reference === undefined) return err(noTiers(all, others.size > 0));
  for (const tier of wanted) {
    const { how } = tier;
    if (how.kind === 'gone') absent.push({ name: tier.name, description: tier.description, why: how.why });
    if (how.kind !== 'image') continue;
    const opened = await openImage(making, tier, reference);
    if (opened.ok) others.set(tier, opened.value);
    else if (options.make && options.names !== undefined) return opened;
    else absent.push(absentOf(tier, opened.error));
  }
  const inOrder = wanted.flatMap((tier) => others.get(tier) ?? []);
  return ok({ reference, others: inOrder, absent });
}

async function openRecipe(
  session: Session,
  definition: TierDefinition,
  planned: Planned,
  folder: string,
): Promise<Result<OpenTier>> {
  const { plan } = planned;
  if (runtimeCapabilities(plan.runtime).emulated)
    return err({
      code: 'plan/emulated-tier',
      what: `${definition.name} is emulated on this machine, and its times say nothing of its own.`,
      fix: ['Measure it on a machine of its kind.'],
    });
  const prepared = await prepareFromPlan(session, planned, folder);
  if (!prepared.ok) return prepared;
  const { runtimes, rootfs, made } = prepared.value;
  const { target, reference } = runtimes;
  return ok({
    definition,
    instance: withEnv(target, definition),
    rootfs,
    driver: reference,
    size: made.bundle.meta.size,
    recipe: plan.recipe.name,
    python: plan.sysroot.python.version,
  });
}

function withEnv(instance: RuntimeInstance, { env }: TierDefinition): RuntimeInstance {
  return { ...instance, env: { ...instance.env, ...env } };
}

/** The distribution's interpreter, as any recipe of its version brings it. */
async function referenceOf(
  found: Session,
  all: readonly TierDefinition[],
  plans: ReadonlyMap<TierDefinition, Result<Planned>>,
  opened: readonly OpenTier[],
  folder: string,
): Promise<OpenTier | undefined> {
  for (const definition of all) {
    const { how } = definition;
    if (how.kind !== 'interpreter') continue;
    const here = opened.find(({ python }) => python === how.python);
    if (here !== undefined) return referenceFrom(definition, here);
    for (const [tier, plan] of plans) {
      if (!plan.ok || plan.value.plan.sysroot.python.version !== how.python) continue;
      const one = await openRecipe(found, tier, plan.value, folder);
      if (one.ok) return referenceFrom(definition, one.value);
    }
  }
  return undefined;
}

function referenceFrom(definition: TierDefinition, { driver }: OpenTier): OpenTier {
  return { definition, instance: withEnv(driver, definition), rootfs: driver.rootfs, driver };
}

async function openImage(
  session: Session,
  definition: TierDefinition,
  { driver }: OpenTier,
): Promise<Result<OpenTier>> {
  const { how } = definition;
  if (how.kind !== 'image') throw new Error('only images are opened');
  const made = await makeImageTree(session, how.image, { stage: 'reference', title: 'Tier' });
  if (!made.ok) return made;
  const { folder, fingerprint, meta } = made.value.tree;
  const instance: RuntimeInstance = {
    kind: 'reference',
    rootfs: folder,
    mounts: [],
    command: [`/usr/bin/${how.program}`],
    env: definition.env,
    key: { image: fingerprint, program: how.program },
  };
  return ok({ definition, instance, rootfs: folder, driver, size: meta.bytes });
}

function absentOf({ name, description }: TierDefinition, failure: Failure): AbsentTier {
  if (failure.code !== NOT_THERE) return { name, description, why: failure.what };
  return { name, description, why: 'it is not provisioned', command: `provision bench tiers ${name}` };
}

function misnamed(failure: Failure, { name }: TierDefinition, all: readonly TierDefinition[]): Failure {
  const names = all.map((tier) => tier.name);
  if (names.includes(name)) return failure;
  const meant = closest(name, names);
  return {
    ...failure,
    fix: [
      ...failure.fix,
      ...(meant === undefined ? [] : [`Did you mean the tier ${meant}?`]),
      `Tiers: ${names.join(', ')}.`,
    ],
  };
}

function noTiers(all: readonly TierDefinition[], others: boolean): Failure {
  const first = all.flatMap(({ how }) =>
    how.kind === 'recipe' && how.python === undefined ? [how.recipe] : [],
  );
  const [reference] = all.flatMap(({ how }) => (how.kind === 'interpreter' ? [how.python] : []));
  return {
    code: 'usage/no-tiers',
    what: others
      ? `The reference, CPython ${reference}, is not in this store.`
      : 'No tier is provisioned in this store.',
    why: others
      ? 'It comes with a recipe of that version, and no bundle of one is there.'
      : 'What is measured has to be there: nothing is built to give advice.',
    fix: [
      `Provision one: \`provision ${first[0] ?? 'list'}\`.`,
      'Name the store that has them: `--store <folder>`.',
    ],
  };
}
