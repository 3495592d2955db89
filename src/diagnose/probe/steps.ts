import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { leavesPythonOpen } from '../../crate/embedding.ts';
import { type Ladder, type LadderStep, summaryOf } from '../../domain/blocker.ts';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Failure } from '../../failure.ts';
import { bundleProgram } from '../../pipeline/bundle.ts';
import type { Prepared } from '../../pipeline/prepare.ts';
import { prepareRuntimes, type Runtimes } from '../../pipeline/runtimes.ts';
import { type RunOutcome, runSamples } from '../../run/run.ts';
import type { RuntimeInstance } from '../../runtime/instance.ts';
import { referenceRuntime } from '../../runtime/reference.ts';
import { capabilitiesOf, runtimeCapabilities, targetRuntime } from '../../runtime/runtime.ts';
import { digestFile } from '../../store/digest.ts';
import { type Attempt, fetchCrates, type ProbeContext, tryBuild, tryRun } from './attempt.ts';
import { linkSubtree } from './link-subtree.ts';
import { additionsOf, belongsTo, buildInputs, type Step, type StepName, stepsFor } from './step.ts';

export interface StepsOutcome {
  readonly steps: readonly LadderStep[];
  readonly outcome: Ladder['outcome'];
  readonly totals?: NonNullable<Ladder['totals']>;
  /** Of samples that differ in the end. */
  readonly failure?: Failure;
}

/**
 * Begins with nothing provisioned and adds one step at a time, the one that the blocker at hand asks for, until the
 * program is built, starts, and its samples run.
 */
export async function runSteps(
  context: ProbeContext,
  prepared: Prepared,
  samples: readonly Sample[],
  artifacts: string,
): Promise<Result<StepsOutcome>> {
  const fetched = await fetchCrates(context);
  if (!fetched.ok) return fetched;
  const runner = new StepRunner(context, prepared);
  const built = await runner.advance('build', (name) => buildWith(context, prepared, runner.applied, name));
  if (!built.ok) return built;
  if (built.value?.program === undefined) return ok({ steps: runner.taken, outcome: 'blocked' });
  const runtimes = await makeProbeRuntimes(context, prepared, samples, built.value.program);
  if (!runtimes.ok) return runtimes;
  const sample = simplest(samples);
  const started = await runner.advance('run', (name) =>
    startWith(context, runner.applied, name, runtimes.value, sample),
  );
  if (!started.ok) return started;
  if (started.value === undefined) return ok({ steps: runner.taken, outcome: 'blocked' });
  const outcome = await runAll(context, samples, runtimes.value, artifacts);
  if (!outcome.ok) return outcome;
  const { passed, failed, skipped, results } = outcome.value;
  return ok({
    steps: runner.taken,
    outcome: failed === 0 ? 'runs' : 'differs',
    totals: { samples: results.length, passed, failed, skipped },
  });
}

/** Takes one step after another; knows those taken and what is left. */
class StepRunner {
  readonly taken: LadderStep[] = [];
  readonly applied = new Set<StepName>();
  readonly #context: ProbeContext;
  readonly #prepared: Prepared;
  readonly #steps: readonly Step[];

  constructor(context: ProbeContext, prepared: Prepared) {
    this.#context = context;
    this.#prepared = prepared;
    this.#steps = stepsFor(context.run.plan, prepared.python);
  }

  /** Tries, and adds a step after each blocker, until nothing stops it (the attempt) or nothing is left (undefined). */
  async advance<T extends Attempt>(
    phase: Step['phase'],
    attempt: (name: string) => Promise<Result<T>>,
  ): Promise<Result<T | undefined>> {
    // What was built with the last step is now started with it.
    let step: Step | undefined;
    for (;;) {
      const tried = await this.#try(phase, step, attempt);
      if (!tried.ok) return tried;
      const { blocker } = tried.value;
      if (blocker === undefined) return ok(tried.value);
      step = this.#next(phase, blocker.rung);
      if (step === undefined) return ok(undefined);
      this.applied.add(step.name);
    }
  }

  async #try<T extends Attempt>(
    phase: Step['phase'],
    step: Step | undefined,
    attempt: (name: string) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const number = this.taken.length;
    const name = step?.name ?? (phase === 'build' ? 'nothing' : 'start');
    const title =
      step?.title ?? (phase === 'build' ? 'nothing provisioned' : 'the program is built: start it');
    const { recorder } = this.#context.session;
    const tried = await recorder.stage(
      phase,
      `Step ${number}: ${step === undefined ? title : `+ ${title}`}`,
      () => attempt(`${number}-${name}`),
      ({ blocker }) => ({
        hit: false,
        detail: blocker === undefined ? 'nothing stops it' : `${blocker.code}: ${blocker.title}`,
      }),
    );
    if (!tried.ok) return tried;
    const { command, ms, blocker } = tried.value;
    const before = this.taken.at(-1)?.blocker?.code;
    this.taken.push({
      number,
      name,
      title,
      adds: step === undefined ? [] : additionsOf(step.name, this.#prepared, this.#context.run.plan),
      command,
      ms,
      ...(before !== undefined && before !== blocker?.code ? { cures: before } : {}),
      ...defined({ blocker: blocker && summaryOf(blocker) }),
    });
    return tried;
  }

  /** The step that the blocker asks for where it is not there yet, else the next one. */
  #next(phase: Step['phase'], wanted: string | undefined): Step | undefined {
    const left = this.#steps.filter((step) => step.phase === phase && !this.applied.has(step.name));
    return left.find(({ name }) => name === wanted) ?? left[0];
  }
}

/** Parts of the sysroot that are files. */
const PARTS: readonly StepName[] = ['target-std', 'libc', 'libpython', 'link-libraries'];

async function buildWith(
  context: ProbeContext,
  prepared: Prepared,
  applied: ReadonlySet<StepName>,
  name: string,
) {
  const parts = PARTS.filter((part) => applied.has(part));
  const equipment = buildInputs(applied, prepared, context.run.plan);
  const ready = await context.session.store.ready([prepared.sysroot.folder]);
  if (!ready.ok) return ready;
  const sysroot = parts.length === 0 ? undefined : await partial(context, prepared, parts, name);
  return tryBuild(context, {
    name,
    ...equipment,
    prepared,
    ...defined({ sysroot }),
  });
}

async function partial(
  context: ProbeContext,
  { sysroot, python }: Prepared,
  parts: readonly StepName[],
  name: string,
): Promise<string> {
  const all = PARTS.filter((part) => part !== 'link-libraries' || python.link !== undefined);
  if (parts.length === all.length) return sysroot.folder;
  const folder = join(context.scratch, `sysroot-${name}`);
  await linkSubtree(sysroot.folder, folder, (path) => parts.some((part) => belongsTo(part, path, python)));
  return folder;
}

interface ProbeRuntimes extends Runtimes {
  /** Folder of the unpacked bundle: `bin`, `lib`. */
  readonly home: string;
  /** Absolute path of the program in the sandbox. */
  readonly program: string;
}

/** The bundle of what was built, and the two runtimes of its samples. */
async function makeProbeRuntimes(
  context: ProbeContext,
  prepared: Prepared,
  samples: readonly Sample[],
  program: string,
): Promise<Result<ProbeRuntimes>> {
  const { session, run, toolchain, logs } = context;
  const { plan } = run;
  const runtimes = await prepareRuntimes(session, run, { toolchain, prepared }, samples, logs);
  if (!runtimes.ok) return runtimes;
  await chmod(program, 0o755);
  const { digest, size } = await digestFile(program);
  const name = program.slice(dirname(program).length + 1);
  const built = {
    kind: 'builds',
    fingerprint: digest.slice('sha256:'.length),
    folder: dirname(program),
    meta: { program: name, digest, size },
    hit: false,
  } as const;
  const bundle = await bundleProgram(session, plan, { built, toolchain, prepared, ...runtimes.value, logs });
  if (!bundle.ok) return bundle;
  const target = await targetRuntime(session, plan, {
    ...runtimes.value,
    ...bundle.value,
    toolchain,
    program: name,
    programDigest: digest,
    logs,
  });
  if (!target.ok) return target;
  const { unpacked } = bundle.value;
  return ok({
    target: target.value,
    reference: referenceRuntime(plan, runtimes.value),
    home: join(unpacked.folder, unpacked.top),
    program: name,
  });
}

async function startWith(
  context: ProbeContext,
  applied: ReadonlySet<StepName>,
  name: string,
  { target, home, program }: ProbeRuntimes,
  sample: Sample,
): Promise<Result<Attempt>> {
  const { plan } = context.run;
  const part = join(context.scratch, `bundle-${name}`);
  await linkSubtree(home, part, (path) => bundled(path, applied));
  await mkdir(part, { recursive: true });
  const mounts = target.mounts.map((mount) =>
    'source' in mount && mount.source === home ? { ...mount, source: part } : mount,
  );
  const inBundle = mounts.find((mount) => 'source' in mount && mount.source === part)?.at;
  const { emulated, root } = runtimeCapabilities(plan.runtime);
  const bare = emulated && !applied.has('emulator');
  // Without an emulator nothing stands in for the processor, in what is started either.
  const { emulation: _, ...withoutEmulation } = target;
  const instance: RuntimeInstance = {
    ...(bare ? withoutEmulation : target),
    mounts,
    rootfs: applied.has('rootfs') || (root === 'host' && !bare) ? target.rootfs : context.toolchain.folder,
    ...(bare && inBundle !== undefined ? { command: [`${inBundle}/bin/${program}`] } : {}),
  };
  const attempt = await tryRun(context, { name, instance, sample });
  await rm(part, { recursive: true, force: true });
  return attempt;
}

/** Whether a file of the bundle is there with these steps. */
function bundled(path: string, applied: ReadonlySet<StepName>): boolean {
  if (!path.startsWith('lib')) return true;
  return /^lib\/python3/.test(path) ? applied.has('stdlib') : applied.has('libraries');
}

async function runAll(
  { session, run }: ProbeContext,
  samples: readonly Sample[],
  { target, reference }: ProbeRuntimes,
  artifacts: string,
): Promise<Result<RunOutcome>> {
  const { plan } = run;
  return session.recorder.stage(
    'run',
    `Samples on ${plan.target.rustTriple}`,
    () =>
      runSamples(session.context, session.store, {
        samples,
        engine: session.engine,
        target: plan.target,
        capabilities: capabilitiesOf(plan),
        python: plan.sysroot.python.version,
        runtimes: { target, reference },
        artifacts,
        leavesPythonOpen: () => leavesPythonOpen(plan.crate),
      }),
    ({ passed, failed, skipped, results }) => ({
      hit: false,
      detail: `${passed} of ${results.length} equal, ${failed} differ, ${skipped} skipped`,
    }),
  );
}

/** A script that asks for nothing: whether the program starts shows with any. */
function simplest(samples: readonly Sample[]): Sample {
  const plain = samples.find(
    ({ requires, argv, stdin }) => requires.length === 0 && argv.length === 0 && stdin === '',
  );
  return plain ?? (samples[0] as Sample);
}

export function noSamples(recipe: string): Result<never> {
  return err({
    code: 'usage/no-samples',
    what: `The recipe ${recipe} has no samples, so there is nothing to run at the end of the ladder.`,
    fix: ['Give one: `--samples <script>`.'],
  });
}
