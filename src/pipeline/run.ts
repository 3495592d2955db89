import { join } from 'node:path';
import { missingCargoLock } from '../build/cargo-lock.ts';
import { pinNotice } from '../build/rust-pin.ts';
import { rustTooOld } from '../build/rust-version.ts';
import { readFormats } from '../bundle/formats/format.ts';
import { leavesPythonOpen } from '../crate/embedding.ts';
import { defined } from '../domain/defined.ts';
import type { DivergenceRules } from '../domain/divergence.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import { loadCauses } from '../recipe/pythons.ts';
import type { OrderedReferences } from '../run/byte-order.ts';
import { collectSamples } from '../run/collect.ts';
import { type RunOutcome, runSamples, type SystemOutcome, type SystemRuntime } from '../run/run.ts';
import { interpreterRuntime } from '../runtime/reference.ts';
import { capabilitiesOf } from '../runtime/runtime.ts';
import type { Store } from '../store/store.ts';
import { deliver, makeArtifacts } from './deliver.ts';
import { packagesFacts, testsFacts } from './facts.ts';
import { makePackages, type Package } from './formats.ts';
import { proveOnHost } from './host-start.ts';
import { signingKey } from './keys.ts';
import { testLibrary } from './library.ts';
import { needProgram } from './need-program.ts';
import { orderedReferences } from './ordered-references.ts';
import { type Planned, type Run, startRun } from './prepare.ts';
import { writeProvenance } from './provenance.ts';
import { type Made, makeProgram, makeRuntimes, type Runtimes, type StableProgram } from './runtimes.ts';
import type { Session } from './session.ts';
import { type Onefile, systemRuntimes } from './systems.ts';
import { withTestFiles } from './test-files.ts';
import { joined, runTests } from './tests.ts';

export interface RunRequest {
  /** Only the samples of the plan are run: nothing else is. */
  readonly samplesOnly?: boolean;
  /** The program of another version of Python, which is run with this one as well where the stable ABI allows it. */
  readonly stable?: StableProgram;
  /** Absolute folder for reports, logs, bundle and packages; made when missing. */
  readonly artifacts: string;
  /** Formats that the bundle is shipped as beside its archive. */
  readonly formats?: readonly string[];
  /** `false`: the bundle is not started outside of a sandbox, whatever the recipe says. */
  readonly host?: boolean;
}

/** A finished run, whether its samples passed or not. */
export interface Finished {
  readonly run: Run;
  /** Absent: the crate is a library, and its tests were run. */
  readonly made?: Made;
  readonly outcome: RunOutcome;
}

/**
 * toolchain → sysroot → env → build → bundle → run. What has been made before from the same inputs is taken from the
 * store. What is finished is emitted as facts, so that a report can show how far an unfinished run came.
 */
export async function runPipeline(
  session: Session,
  planned: Planned,
  request: RunRequest,
): Promise<Result<Finished>> {
  for (let again = 0; ; again += 1) {
    const finished = await runOnce(session, planned, request);
    // Each time one damaged entry less is in the store.
    if (finished.ok || finished.error.code !== 'store/damaged' || again === MOST_DAMAGED) return finished;
  }
}

/** Entries found damaged while something is made of them, in one run, before it gives up. */
const MOST_DAMAGED = 5;

async function runOnce(session: Session, planned: Planned, request: RunRequest): Promise<Result<Finished>> {
  const { plan } = planned;
  const { artifacts } = request;
  const logs = join(artifacts, 'logs');
  const writable = await makeArtifacts(artifacts);
  if (!writable.ok) return writable;
  const missing = needed(plan, request);
  if (!missing.ok) return missing;
  // Before anything is fetched: the user can fix a mistake in a script's header right away.
  const samples = await suiteOf(plan);
  if (!samples.ok) return samples;
  const placed = await withTestFiles(plan.recipe.tests?.commands ?? [], plan.recipe.file);
  if (!placed.ok) return placed;
  const unfit = await checkCrate(session, planned);
  if (!unfit.ok) return unfit;
  const key = await signingKey(session.context);
  if (!key.ok) return key;
  const formats = readFormats(request.formats ?? [], plan);
  if (!formats.ok) return formats;

  if (plan.crate.testsOnly === true) return testLibrary(session, planned, artifacts);
  const started = await startRun(session, planned, { logs });
  if (!started.ok) return started;
  const run = started.value;
  const made = await makeProgram(session, run, samples.value, logs, request.stable);
  if (!made.ok) return made;
  const { bundle } = made.value;
  const delivered = await deliver(
    session.store,
    bundle.folder,
    bundle.meta.digest,
    artifacts,
    bundle.meta.archive,
  );
  if (!delivered.ok) return delivered;
  const described = await deliverDocuments(session.store, made.value, artifacts);
  if (!described.ok) return described;
  const debug = await deliverDebugFile(session.store, made.value, artifacts);
  if (!debug.ok) return debug;
  const runtimes = await makeRuntimes(session, run, made.value, logs);
  if (!runtimes.ok) return runtimes;
  const packages = await makePackages(session, planned, made.value, formats.value);
  if (!packages.ok) return packages;
  session.context.emit({ type: 'facts', facts: packagesFacts(packages.value) });
  for (const { folder, meta, format } of packages.value) {
    const executable = format === 'onefile';
    const shipped = await deliver(session.store, folder, meta.digest, artifacts, meta.file, { executable });
    if (!shipped.ok) return shipped;
  }
  const stated = await writeProvenance(session.context, {
    ...{ planned, made: made.value, packages: packages.value, artifacts, key: key.value },
  });
  if (!stated.ok) return stated;
  const onefile = packages.value.find(({ format }) => format === 'onefile');
  const all = { ...made.value, ...defined({ onefile: onefile && startOf(onefile) }) };
  const outcome = await runAll(session, run, all, runtimes.value, samples.value, request);
  return outcome.ok ? ok({ run, made: made.value, outcome: outcome.value }) : outcome;
}

function startOf({ folder, meta: { file, digest } }: Package): Onefile {
  return { folder, file, digest };
}

/** What was asked for on the command line needs a program. */
function needed(plan: Plan, { formats = [], samplesOnly }: RunRequest): Result<void> {
  if (samplesOnly === true) return needProgram(plan, '`--samples`');
  return formats.length > 0 ? needProgram(plan, `\`--format ${formats[0]}\``) : ok(undefined);
}

/** The bills of materials, beside the bundle that has them inside. */
async function deliverDocuments(
  store: Store,
  { documents: { folder, meta } }: Made,
  artifacts: string,
): Promise<Result<void>> {
  for (const [file, digest] of Object.entries(meta.digests)) {
    const delivered = await deliver(store, folder, digest, artifacts, file);
    if (!delivered.ok) return delivered;
  }
  return ok(undefined);
}

/** Debug information in a file of its own, beside the bundle: for whoever looks at a crash, not for the target. */
async function deliverDebugFile(store: Store, { program }: Made, artifacts: string): Promise<Result<void>> {
  const { debugFile, debugDigest } = program.meta;
  if (debugFile === undefined || debugDigest === undefined) return ok(undefined);
  return deliver(store, program.folder, debugDigest, artifacts, debugFile);
}

/** The samples, then the recipe's other tests. */
async function runAll(
  session: Session,
  run: Run,
  { onefile, ...made }: Made & { readonly onefile?: Onefile },
  runtimes: Runtimes,
  samples: readonly Sample[],
  { artifacts, samplesOnly, host = true }: RunRequest,
): Promise<Result<RunOutcome>> {
  const { emit } = session.context;
  const { plan } = run;
  const logs = join(artifacts, 'logs');
  const anywhere = samples.length > 0 || (samplesOnly !== true && hasCommands(plan));
  const systems = anywhere ? await systemRuntimes(session, run, made, logs, onefile) : ok([]);
  if (!systems.ok) return systems;
  const ordered = orderedReferences(session, run, made);
  const divergences = await divergencesOf(session, plan);
  if (!divergences.ok) return divergences;
  const suite = {
    ...runtimes,
    systems: systems.value,
    ...defined({ ordered, divergences: divergences.value }),
  };
  const ran = await runSuite(session, plan, samples, suite, artifacts);
  if (!ran.ok) return ran;
  emit({ type: 'facts', facts: testsFacts(ran.value) });
  if (samplesOnly === true) return ran;
  const { toolchain, prepared, packages } = made;
  const tests = await runTests(session, plan, {
    ...{ toolchain, prepared, runtimes, artifacts, logs, systems: systems.value },
    interpreter: interpreterRuntime(plan, made),
    ...defined({ packages, ordered }),
  });
  if (!tests.ok) return tests;
  const outcome = joined([ran.value, tests.value]);
  emit({ type: 'facts', facts: testsFacts(outcome) });
  if (outcome.results.length === 0) emit(nothingRun(plan));
  if (!host) return ok(outcome);
  const started = await proveOnHost(session, plan, made, samples, outcome);
  return started.ok ? ok(outcome) : started;
}

/** Whether there are commands that run on further systems, too. */
function hasCommands({ recipe }: Plan): boolean {
  return (recipe.tests?.commands ?? []).some(({ server }) => server === undefined);
}

interface Suite extends Runtimes {
  readonly systems: readonly SystemRuntime[];
  readonly ordered?: OrderedReferences;
  readonly divergences?: DivergenceRules;
}

async function runSuite(
  session: Session,
  plan: Plan,
  samples: readonly Sample[],
  { systems, ordered, divergences, ...runtimes }: Suite,
  artifacts: string,
): Promise<Result<RunOutcome>> {
  if (samples.length === 0) return ok(joined([]));
  return session.recorder.stage(
    'run',
    `Samples on ${[plan.target.rustTriple, ...systems.map(({ facts }) => facts.name)].join(', ')}`,
    () =>
      runSamples(session.context, session.store, {
        samples,
        engine: session.engine,
        target: plan.target,
        capabilities: capabilitiesOf(plan),
        python: plan.sysroot.python.version,
        runtimes,
        systems,
        ...defined({ ordered, divergences }),
        artifacts,
        leavesPythonOpen: () => leavesPythonOpen(plan.crate),
      }),
    (value) => ({ hit: nothingStarted(value), detail: summary(value) }),
  );
}

/** By what differences are classified, where the recipe measures them. */
export async function divergencesOf(
  { context }: Session,
  { recipe, sysroot }: Plan,
): Promise<Result<DivergenceRules | undefined>> {
  return recipe.measure === true ? loadCauses(context.settings.home, sysroot.python.name) : ok(undefined);
}

/** Notices about a crate that need no build. */
async function checkCrate({ context }: Session, { plan, locks }: Planned): Promise<Result<void>> {
  const unlocked = missingCargoLock(plan.crate);
  if (unlocked !== undefined) return err(unlocked);
  if (plan.crate.pyo3 === undefined && plan.sysroot.python.implementation === 'CPython')
    context.emit(withoutPyo3(plan));
  const packages = locks.toolchain.lock.sets.rootfs ?? [];
  const pin = await pinNotice(plan, packages);
  if (pin !== undefined) context.emit(pin);
  const old = rustTooOld(plan, packages);
  return old === undefined ? ok(undefined) : err(old);
}

function withoutPyo3({ crate }: Plan) {
  return {
    type: 'notice',
    level: 'info',
    code: 'build/no-pyo3',
    message: `${crate.name} does not use PyO3: it is built anyway, and its bundle contains a Python that it may not need.`,
  } as const;
}

function nothingRun({ recipe }: Plan) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/none',
    message:
      `${recipe.project.bin} is built and bundled, and nothing was run: there is no suite of samples and there are no tests. ` +
      'Put scripts into `samples/` beside `provision.yaml`, or write `tests` there; `provision init` begins both.',
  } as const;
}

/** The sample suite; of a crate that brings none, or has no program to run it, nothing. */
export async function suiteOf({ recipe: { samples }, crate }: Plan): Promise<Result<readonly Sample[]>> {
  return samples.paths.length === 0 || crate.testsOnly === true
    ? ok([])
    : collectSamples(samples.paths, { timeoutSeconds: samples.timeoutSeconds });
}

/** Whether every result was in the store; one that was skipped is not in it, and nothing was started for it. */
function nothingStarted(outcome: RunOutcome): boolean {
  return [outcome, ...outcome.systems].every(
    ({ results, cached }) =>
      cached + results.filter(({ status }) => status === 'skipped').length === results.length,
  );
}

function summary({ results, passed, failed, skipped, systems }: RunOutcome): string {
  const parts = [`${passed} of ${results.length} equal`];
  if (failed > 0) parts.push(`${failed} differ`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return [parts.join(', '), ...systems.map(onSystem)].join('; ');
}

function onSystem({ name, results }: SystemOutcome): string {
  const count = (wanted: string): number => results.filter(({ status }) => status === wanted).length;
  const [differ, skip] = [count('failed'), count('skipped')];
  return [
    `${name}: ${count('passed')} equal`,
    ...(differ > 0 ? [`${differ} differ`] : []),
    ...(skip > 0 ? [`${skip} skipped`] : []),
  ].join(', ');
}

/** `artifacts/<recipe>` below the folder that the command was given in. */
export function artifactsFolder(cwd: string, recipe: string): string {
  return join(cwd, 'artifacts', recipe);
}
