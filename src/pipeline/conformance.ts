import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import { closest } from '../domain/closest.ts';
import type { Conformance, ConformanceSuite } from '../domain/conformance.ts';
import { defined } from '../domain/defined.ts';
import type { DefinitionFile, ImageDefinition } from '../domain/definitions.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { Failure } from '../failure.ts';
import { fetchPackages } from '../fetch/fetch.ts';
import { readLock } from '../lock/lockfile.ts';
import { pythonImageHere } from '../recipe/definitions.ts';
import { loadConformance } from '../recipe/pythons.ts';
import { knownOn, totalsOf, unseen } from '../run/conformance/compare.ts';
import { type ConformanceOutcome, runConformance } from '../run/conformance/run.ts';
import { STARTED_PROGRAMS, unstartedNotice, whyUnstarted } from '../run/started-programs.ts';
import { FACILITIES } from '../runtime/facilities.ts';
import { capabilitiesOf } from '../runtime/runtime.ts';
import { makeTree, type Tree } from '../toolchain/tree.ts';
import { makeArtifacts } from './deliver.ts';
import { needProgram } from './need-program.ts';
import { type Planned, type Run, startRun } from './prepare.ts';
import { divergencesOf } from './run.ts';
import { makeProgram, makeRuntimes } from './runtimes.ts';
import type { Session } from './session.ts';
import type { Locks } from './trees.ts';

export interface ConformanceRequest {
  /** Modules of `test` in place of those of the suite. */
  readonly modules?: readonly string[];
  /** Absolute folder for logs; made when missing. */
  readonly artifacts: string;
}

/**
 * recipe → … → bundle, as a run does, then CPython's own tests in both runtimes. Fails with what a run fails with, and
 * `usage/no-conformance`, `usage/no-such-test`, `lock/versions-differ`.
 */
export async function testConformance(
  session: Session,
  planned: Planned,
  request: ConformanceRequest,
): Promise<Result<Conformance>> {
  const started = Date.now();
  const { plan, locks } = planned;
  const program = needProgram(plan, '`provision conformance`');
  if (!program.ok) return program;
  const logs = join(request.artifacts, 'logs');
  const writable = await makeArtifacts(request.artifacts);
  if (!writable.ok) return writable;
  // Before the tests are fetched: without an engine there is no use for them.
  const run = await startRun(session, planned, { logs });
  if (!run.ok) return run;
  const prepared = await prepareTests(session, plan, locks, request.modules);
  if (!prepared.ok) return prepared;
  const { suite, modules, version } = prepared.value;
  const outcome = await runModules(session, run.value, prepared.value, logs);
  if (!outcome.ok) return outcome;
  tellUnseen(session, plan, suite, outcome.value);
  return ok({
    schema: 1,
    recipe: plan.recipe.name,
    target: { name: plan.target.name, triple: plan.target.rustTriple },
    python: version,
    started: new Date(started).toISOString(),
    ms: Date.now() - started,
    totals: totalsOf(outcome.value.modules, outcome.value.cached),
    modules: modules.flatMap((_, i) => outcome.value.modules[i] ?? []),
  });
}

interface Tests {
  readonly suite: ConformanceSuite;
  readonly tree: Tree;
  readonly modules: readonly string[];
  readonly version: string;
}

async function prepareTests(
  session: Session,
  plan: Plan,
  locks: Locks,
  asked: readonly string[] | undefined,
): Promise<Result<Tests>> {
  const suite = await readSuite(session, plan);
  if (!suite.ok) return suite;
  const { home } = session.context.settings;
  const { name, reference } = plan.sysroot.python;
  const image = await pythonImageHere(home, reference ?? name, 'tests', plan.hostTarget.machine);
  if (!image.ok) return image;
  const { file, definition } = image.value;
  const lock = await readLock(file, definition);
  if (!lock.ok) return lock;
  const packages = lock.value.sets.rootfs ?? [];
  const version = sameVersion(file, definition, plan, packages, locks);
  if (!version.ok) return version;
  const tree = await session.recorder.stage(
    'tests',
    `Tests ${definition.name}`,
    () =>
      makeTree(session.context, session.store, {
        name: definition.name,
        stage: 'tests',
        definition: definition.rootfs,
        packages,
        files: () => fetchTests(session, packages, lock.value.resolved),
      }),
    ({ hit, meta }) => ({ hit, detail: `${version.value}, ${formatBytes(meta.bytes)}` }),
  );
  if (!tree.ok) return tree;
  const modules = await chooseModules(suite.value, tree.value, asked);
  if (!modules.ok) return modules;
  return ok({ suite: suite.value, tree: tree.value, modules: modules.value, version: version.value });
}

async function readSuite(
  { context }: Session,
  { sysroot: { python } }: Plan,
): Promise<Result<ConformanceSuite>> {
  const loaded = await loadConformance(context.settings.home, python);
  if (loaded.ok) return ok(loaded.value.value);
  if (loaded.error.code !== 'recipe/not-found') return loaded;
  return err({
    code: 'usage/no-conformance',
    what: `No tests are configured for ${python.name}.`,
    fix: [
      `Write \`pythons/${python.name}/conformance.yaml\` as other Pythons have it; docs/recipe-reference.md explains every key.`,
    ],
  });
}

/** Tests of another version than the interpreter's would test features that it does not have. */
function sameVersion(
  file: DefinitionFile,
  { rootfs }: ImageDefinition,
  plan: Plan,
  packages: readonly LockedPackage[],
  locks: Locks,
): Result<string> {
  // The first package contains the tests; the others are its dependencies.
  const tests = packages.find(({ name }) => name === rootfs.packages[0])?.version;
  const python = locks.reference.lock.sets.rootfs?.find(({ name }) => name === plan.interpreter.tools.python);
  if (tests !== undefined && tests === python?.version) return ok(tests);
  const ids = [file.id, locks.reference.file.id];
  return err({
    code: 'lock/versions-differ',
    what: `The tests of ${ids[0]} are of version ${tests ?? 'unknown'}, the reference interpreter is of ${python?.version ?? 'unknown'}.`,
    fix: [`Resolve both again: \`provision lock ${ids.join(' ')}\``],
  });
}

async function* fetchTests(session: Session, packages: readonly LockedPackage[], resolved: string) {
  const { context, store } = session;
  yield* fetchPackages(context, store, packages, await distribution.locate(context, [resolved]), {
    stage: 'tests',
  });
}

async function chooseModules(
  suite: ConformanceSuite,
  tree: Tree,
  asked: readonly string[] | undefined,
): Promise<Result<readonly string[]>> {
  const files = await readdir(join(tree.folder, suite.folder));
  const known = files.filter((name) => name.startsWith('test_')).map((name) => basename(name, '.py'));
  const wanted = [...new Set((asked ?? suite.modules).map((name) => nameIn(known, name, suite.renamed)))];
  const unknown = wanted.find((name) => !known.includes(name));
  return unknown === undefined ? ok(wanted) : err(noSuchTest(unknown, known));
}

/** The name that a module has in this version: a selection may be that of an older or of a newer one. */
function nameIn(known: readonly string[], name: string, renamed: ConformanceSuite['renamed']): string {
  const others = Object.entries(renamed).flatMap((pair) => (pair.includes(name) ? pair : []));
  return [name, ...others].find((one) => known.includes(one)) ?? name;
}

function noSuchTest(name: string, known: readonly string[]): Failure {
  const meant = closest(name, known);
  return {
    code: 'usage/no-such-test',
    what: `CPython's tests have no module "${name}".`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean ${meant}?`]),
      'Give names of modules of `Lib/test`, with commas: `--tests test_grammar,test_int`.',
    ],
  };
}

async function runModules(
  session: Session,
  run: Run,
  { suite, tree, modules }: Tests,
  logs: string,
): Promise<Result<ConformanceOutcome>> {
  const { plan } = run;
  const made = await makeProgram(session, run, [], logs);
  if (!made.ok) return made;
  const runtimes = await makeRuntimes(session, run, made.value, logs);
  if (!runtimes.ok) return runtimes;
  const unstarted = await whyUnstarted(session.engine, runtimes.value.target);
  if (!unstarted.ok) return unstarted;
  if (unstarted.value !== undefined) session.context.emit(unstartedNotice(unstarted.value));
  const divergences = await divergencesOf(session, plan);
  if (!divergences.ok) return divergences;
  const lacking = unstarted.value === undefined ? [] : [STARTED_PROGRAMS];
  const capabilities = capabilitiesOf(plan).filter((name) => !lacking.includes(name));
  return session.recorder.stage(
    'conformance',
    `CPython's tests on ${plan.target.rustTriple}`,
    () =>
      runConformance(session.context, session.store, {
        suite,
        modules,
        tests: tree,
        runtimes: runtimes.value,
        names: namesOf(plan),
        ...defined({ divergences: divergences.value }),
        without: FACILITIES.filter((facility) => !capabilities.includes(facility)),
        driver: join(session.context.settings.home, 'src', 'run', 'conformance', 'driver.py'),
        engine: session.engine,
      }),
    (value) => ({
      hit: value.cached === modules.length,
      detail: `${value.modules.filter(({ conforms }) => conforms).length} of ${modules.length} modules conform`,
    }),
  );
}

/** Names by which declarations can refer to the target. */
function namesOf({ target, runtime }: Plan): readonly string[] {
  return [target.name, target.rustTriple, target.libc, runtime];
}

function tellUnseen(
  session: Session,
  plan: Plan,
  suite: ConformanceSuite,
  { modules }: ConformanceOutcome,
): void {
  for (const { test } of unseen(knownOn(suite.known, namesOf(plan)), modules)) {
    session.context.emit({
      type: 'notice',
      level: 'warning',
      code: 'samples/declared-not-seen',
      message: `${test} is declared to fail on ${plan.target.name}, but passes: remove its entry from ${basename(suite.file)}.`,
    });
  }
}
