import { join, resolve } from 'node:path';
import { lockName } from '../build/newer-crates.ts';
import { distribution } from '../distro/distribution.ts';
import type { Context, Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { OutdatedReport } from '../domain/outdated.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { hostMachine } from '../pipeline/host.ts';
import { offline } from '../pipeline/outdated/compare.ts';
import {
  cratesIn,
  type OutdatedCrates,
  outdatedCrates,
  outdatedInBundle,
} from '../pipeline/outdated/crates.ts';
import { type Compared, findOutdated } from '../pipeline/outdated/outdated.ts';
import { usedByBundle, usedByLocks } from '../pipeline/outdated/used.ts';
import { newerWheels, type UsedWheel, wheelsOfRecipe } from '../pipeline/outdated/wheels.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { allLocks } from '../pipeline/trees.ts';
import { projectFile } from '../recipe/find.ts';
import { listRecipes } from '../recipe/list.ts';
import { loadTargets } from '../recipe/targets.ts';
import { correctsText, outdatedSummary, usedIn } from '../report/actions/outdated.ts';
import { readEmbedded } from '../sbom/embed.ts';
import { type ListedComponent, readListed } from '../sbom/listed.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { nothingInside } from './sbom.ts';
import { readSubject } from './subject.ts';
import { paragraphs, tableText } from './table.ts';

export const command: Command = {
  name: 'outdated',
  summary: 'list what is locked or shipped and has newer versions',
  positionals: [{ name: 'recipe', required: false, rest: true, completes: 'recipe' }],
  options: {
    bundle: {
      type: 'string',
      multiple: true,
      value: '<file>',
      help: 'compare what is inside this bundle or executable',
    },
  },
  examples: [
    'provision outdated',
    'provision outdated aarch64 --json',
    'provision outdated --bundle artifacts/aarch64/isolate-aarch64-unknown-linux-gnu.tar.gz',
  ],
  renders: false,
  run,
};

async function run({ context, values, positionals, columns }: Invocation): Promise<Result<Outcome>> {
  const { settings } = context;
  if (settings.offline) return err(offline());
  const bundles = Array.isArray(values.bundle) ? values.bundle.map(String) : [];
  if (bundles.length > 0 && positionals.length > 1) return err(severalRecipes());
  const names = bundles.length > 0 ? ok(positionals) : await recipesOf(settings, positionals);
  if (!names.ok) return names;
  const planned = await planEach(context, names.value);
  if (!planned.ok) return planned;
  const report = await withSession(context, planned.value, async (session) => {
    const compared =
      bundles.length > 0
        ? await ofBundles(session, bundles, planned.value[0])
        : ok(ofRecipes(session, planned.value));
    return compared.ok ? findOutdated(session, compared.value) : compared;
  });
  return report.ok ? ok(outcomeOf(report.value, columns)) : report;
}

export async function planEach(
  context: Context,
  names: readonly (string | undefined)[],
): Promise<Result<readonly Planned[]>> {
  const planned: Planned[] = [];
  for (const name of names) {
    const one = await planRun(context, name, hostMachine());
    if (!one.ok) return one;
    planned.push(one.value);
  }
  return ok(planned);
}

/** Those that are named, else the crate's, else all that are shipped. */
export async function recipesOf(
  settings: Settings,
  named: readonly string[],
): Promise<Result<readonly (string | undefined)[]>> {
  if (named.length > 0) return ok([...new Set(named)]);
  if (projectFile(settings) !== undefined) return ok([undefined]);
  const listed = await listRecipes(settings.home);
  return listed.ok ? ok(listed.value.map(({ name }) => name)) : listed;
}

export function ofRecipes(session: Session, planned: readonly Planned[]): Compared {
  const packages = planned.flatMap(({ locks }) => usedByLocks(locks));
  const ids = planned.flatMap(({ locks }) => allLocks(locks).map(({ file }) => file.id));
  const wheels = planned.map((one) => [one, wheelsOfRecipe(one)] as const);
  // One lock of a project, whichever recipes build it.
  const projects = uniqueBy(
    planned.filter(({ plan }) => plan.crate.locked),
    ({ plan }) => plan.crate.root,
  );
  return {
    // A lock that several recipes share is compared once.
    packages: uniqueBy(packages, (one) => JSON.stringify(one)),
    compared: [
      ...new Set([
        ...ids,
        ...wheels.flatMap(([, used]) => used.map(({ where }) => where)),
        ...projects.map(({ plan }) => lockName(plan)),
      ]),
    ],
    unknown: [],
    wheels: async () => {
      const asked = uniqueBy(
        wheels.flatMap(([one, used]) => (used.length === 0 ? [] : [{ one, used }])),
        ({ used }) => JSON.stringify(used),
      );
      const found = [];
      for (const { one, used } of asked) {
        const newer = await newerWheels(session, one, used, logsOf(session.context, one));
        if (!newer.ok) return newer;
        found.push(...newer.value);
      }
      return ok(uniqueBy(found, (one) => JSON.stringify(one)));
    },
    crates: () => allCrates(projects, (one) => outdatedCrates(session, one, logsOf(session.context, one))),
  };
}

async function ofBundles(
  session: Session,
  bundles: readonly string[],
  planned: Planned | undefined,
): Promise<Result<Compared>> {
  const packages = [];
  const wheels: UsedWheel[] = [];
  const unknown: string[] = [];
  const listed: { readonly where: string; readonly components: readonly ListedComponent[] }[] = [];
  for (const given of bundles) {
    const inside = await readBundle(session.context, given);
    if (!inside.ok) return inside;
    const { components, architecture } = inside.value;
    const found = usedByBundle(given, components, architecture);
    packages.push(...found.used);
    listed.push({ where: given, components });
    unknown.push(...found.unknown);
    wheels.push(...wheelsOf(given, components));
  }
  const crates = listed.reduce((sum, { components }) => sum + cratesIn(components).length, 0);
  for (const [count, what] of [
    [wheels.length, 'Python packages'],
    [crates, 'crates'],
  ] as const)
    if (count > 0 && planned === undefined)
      unknown.push(`${count} ${what}: name the recipe, \`provision outdated <recipe> --bundle …\``);
  return ok({
    ...{ packages, compared: bundles, unknown },
    wheels: async () =>
      planned === undefined
        ? ok([])
        : newerWheels(session, planned, wheels, logsOf(session.context, planned)),
    ...(planned === undefined || crates === 0
      ? {}
      : {
          crates: () =>
            allCrates(listed, (one) =>
              outdatedInBundle(session, planned, one, logsOf(session.context, planned)),
            ),
        }),
  });
}

/** The findings of each, one after the other: cargo's home is asked by one at a time. */
async function allCrates<T>(
  subjects: readonly T[],
  find: (subject: T) => Promise<Result<OutdatedCrates>>,
): Promise<Result<OutdatedCrates>> {
  const all: OutdatedCrates[] = [];
  for (const one of subjects) {
    const found = await find(one);
    if (!found.ok) return found;
    all.push(found.value);
  }
  return ok({
    outdated: all.flatMap(({ outdated }) => outdated),
    incompatible: all.flatMap(({ incompatible }) => incompatible),
    unknown: all.flatMap(({ unknown }) => unknown),
  });
}

interface Listed {
  readonly components: readonly ListedComponent[];
  /** The distribution's name of the target's architecture, where the target is known. */
  readonly architecture?: string;
}

/** What a bundle or an executable says that is inside. Failures: `archive/no-sbom`, and those of reading it. */
async function readBundle({ settings, signal }: Context, given: string): Promise<Result<Listed>> {
  const subject = await readSubject(resolve(settings.cwd, given), given, signal);
  if (!subject.ok) return subject;
  const { documents, damaged } = readEmbedded(subject.value.program);
  const listed = documents.cyclonedx === undefined ? undefined : readListed(documents.cyclonedx);
  if (listed === undefined) return err(nothingInside(given, subject.value, damaged));
  const targets = await loadTargets(settings.home);
  if (!targets.ok) return targets;
  const target = targets.value.find(({ value }) => value.rustTriple === listed.target)?.value;
  const architecture = target === undefined ? undefined : distribution.architectureOf(target);
  return ok({ components: listed.components, ...defined({ architecture }) });
}

function wheelsOf(where: string, components: readonly ListedComponent[]): readonly UsedWheel[] {
  return components.flatMap(({ name, version, purl }) =>
    purl?.startsWith('pkg:pypi/') === true
      ? [{ kind: 'python', name: name.toLowerCase().replaceAll(/[-_.]+/g, '-'), version, where } as const]
      : [],
  );
}

export function logsOf({ settings }: Context, { plan }: Planned): string {
  return join(settings.cwd, 'artifacts', plan.recipe.name, 'logs');
}

function severalRecipes(): Failure {
  return {
    code: 'usage/several-recipes',
    what: 'With `--bundle` one recipe can be named: the one that the bundle was built from.',
    fix: ['Name one, or none: then the Python packages in the bundle are not compared.'],
  };
}

/** The report is printed either way; something newer is a failure of its own code. */
export function outcomeOf(report: OutdatedReport, columns?: number): Outcome {
  const { outdated } = report;
  return {
    text: textOf(report, columns),
    json: report,
    actions: { summary: outdatedSummary(report) },
    ...defined({ failure: outdated.length === 0 ? undefined : newer(report) }),
  };
}

function newer({ outdated }: OutdatedReport): Failure {
  const shipped = outdated.filter((one) => one.shipped).length;
  const later = outdated.filter((one) => one.newest !== undefined);
  const taken = outdated.filter((one) => one.newest === undefined && one.yanked === true);
  const fixed = new Set(outdated.flatMap(({ fixes = [] }) => fixes)).size;
  return {
    code: 'lock/outdated',
    what: `${outdated.length} of what is compared ${outdated.length === 1 ? 'has' : 'have'} newer versions, ${shipped} of them in what is shipped.`,
    ...defined({
      why:
        fixed === 0
          ? undefined
          : `${fixed} ${fixed === 1 ? 'vulnerability is' : 'vulnerabilities are'} corrected there.`,
    }),
    fix: [
      ...(later.some(({ kind }) => kind !== 'runtime')
        ? ['Lock them anew and run the samples: `provision upgrade`, with the recipe named.']
        : []),
      ...(later.some(({ kind }) => kind === 'runtime')
        ? ['Version and digest of a runtime are in the `runtime.yaml` of its folder.']
        : []),
      ...(taken.length > 0
        ? [
            'Of a crate that is yanked and has no compatible version, the manifest that asks for it has to change.',
          ]
        : []),
      ...(later.length + taken.length < outdated.length
        ? ['What only the security updates have reaches the suite with its next point release.']
        : []),
    ],
  };
}

function textOf(
  { outdated, incompatible = [], compared, lists, gone, unknown }: OutdatedReport,
  columns: number | undefined,
): string {
  const rows = outdated.map((one) => [
    one.name,
    one.version,
    one.newest ?? (one.yanked === true ? 'yanked' : ''),
    one.security ?? '',
    usedIn(one),
    correctsText(one),
  ]);
  const table =
    rows.length === 0
      ? 'Nothing is outdated.\n'
      : tableText([['source', 'version', 'newest', 'security update', 'in', 'corrects'], ...rows], columns);
  const dated = lists.map(
    (one) =>
      `list: ${one.suite} for ${one.architecture} of ${one.dated ?? 'an unknown date'}${one.security === undefined ? '' : `, security updates of ${one.security.dated ?? 'an unknown date'}`}`,
  );
  const lines = [
    ...gone.map(
      ({ name, suite, architecture }) => `gone: ${name} is no longer in ${suite} for ${architecture}`,
    ),
    ...incompatible.map(
      ({ name, version, newest, where }) => `incompatible: ${name} ${version} of ${where} has ${newest}`,
    ),
    ...unknown.map((line) => `not compared: ${line}`),
    ...dated,
    `compared: ${compared.join(', ')}`,
  ];
  return table + paragraphs(lines, columns);
}

function uniqueBy<T>(values: readonly T[], key: (value: T) => string): readonly T[] {
  return [...new Map(values.map((value) => [key(value), value])).values()];
}
