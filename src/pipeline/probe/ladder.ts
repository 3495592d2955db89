import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Ladder, type LadderStep, summaryOf } from '../../domain/blocker.ts';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Failure } from '../../failure.ts';
import { bundleUp, type Progress, prepareWorlds } from '../../pipeline.ts';
import { type RunOutcome, runSamples } from '../../run/run.ts';
import type { RuntimeInstance } from '../../runtime/instance.ts';
import { referenceRuntime } from '../../runtime/reference.ts';
import { capabilitiesOf, runtimeCapabilities, targetRuntime } from '../../runtime/runtime.ts';
import { digestFile } from '../../store/digest.ts';
import type { Prepared } from '../prepare.ts';
import { type Attempt, fetchCrates, type Site, tryBuild, tryRun } from './attempt.ts';
import { linkPart } from './parts.ts';
import { addsOf, buildOf, isPartOf, type Rung, type RungName, rungsOf } from './rungs.ts';

export interface Climb {
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
export async function climb(
  site: Site,
  prepared: Prepared,
  samples: readonly Sample[],
  artifacts: string,
): Promise<Result<Climb>> {
  const fetched = await fetchCrates(site);
  if (!fetched.ok) return fetched;
  const walk = new Walk(site, prepared);
  const built = await walk.up('build', (name) => buildWith(site, prepared, walk.applied, name));
  if (!built.ok) return built;
  if (built.value?.program === undefined) return ok({ steps: walk.steps, outcome: 'blocked' });
  const worlds = await worldsOf(site, prepared, samples, built.value.program);
  if (!worlds.ok) return worlds;
  const sample = simplest(samples);
  const started = await walk.up('run', (name) => startWith(site, walk.applied, name, worlds.value, sample));
  if (!started.ok) return started;
  if (started.value === undefined) return ok({ steps: walk.steps, outcome: 'blocked' });
  const outcome = await runAll(site, samples, worlds.value, artifacts);
  if (!outcome.ok) return outcome;
  const { passed, failed, skipped, results } = outcome.value;
  return ok({
    steps: walk.steps,
    outcome: failed === 0 ? 'runs' : 'differs',
    totals: { samples: results.length, passed, failed, skipped },
  });
}

/** The steps taken so far, and what is left. */
class Walk {
  readonly steps: LadderStep[] = [];
  readonly applied = new Set<RungName>();
  readonly #site: Site;
  readonly #prepared: Prepared;
  readonly #rungs: readonly Rung[];

  constructor(site: Site, prepared: Prepared) {
    this.#site = site;
    this.#prepared = prepared;
    this.#rungs = rungsOf(site.planned.plan, prepared.python);
  }

  /** Tries, and adds a rung after each blocker, until nothing stops it (the attempt) or nothing is left (undefined). */
  async up<T extends Attempt>(
    phase: Rung['phase'],
    attempt: (name: string) => Promise<Result<T>>,
  ): Promise<Result<T | undefined>> {
    // What was built with the last step is now started with it.
    let rung: Rung | undefined;
    for (;;) {
      const tried = await this.#step(phase, rung, attempt);
      if (!tried.ok) return tried;
      const { blocker } = tried.value;
      if (blocker === undefined) return ok(tried.value);
      rung = this.#next(phase, blocker.rung);
      if (rung === undefined) return ok(undefined);
      this.applied.add(rung.name);
    }
  }

  async #step<T extends Attempt>(
    phase: Rung['phase'],
    rung: Rung | undefined,
    attempt: (name: string) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const number = this.steps.length;
    const name = rung?.name ?? (phase === 'build' ? 'nothing' : 'start');
    const title =
      rung?.title ?? (phase === 'build' ? 'nothing provisioned' : 'the program is built: start it');
    const { recorder } = this.#site.session;
    const tried = await recorder.stage(
      phase,
      `Step ${number}: ${rung === undefined ? title : `+ ${title}`}`,
      () => attempt(`${number}-${name}`),
      ({ blocker }) => ({
        hit: false,
        detail: blocker === undefined ? 'nothing stops it' : `${blocker.code}: ${blocker.title}`,
      }),
    );
    if (!tried.ok) return tried;
    const { command, ms, blocker } = tried.value;
    const before = this.steps.at(-1)?.blocker?.code;
    this.steps.push({
      number,
      name,
      title,
      adds: rung === undefined ? [] : addsOf(rung.name, this.#prepared, this.#site.planned.plan),
      command,
      ms,
      ...(before !== undefined && before !== blocker?.code ? { cures: before } : {}),
      ...(blocker === undefined ? {} : { blocker: summaryOf(blocker) }),
    });
    return tried;
  }

  /** The rung that the blocker asks for where it is not there yet, else the next one. */
  #next(phase: Rung['phase'], wanted: string | undefined): Rung | undefined {
    const left = this.#rungs.filter((rung) => rung.phase === phase && !this.applied.has(rung.name));
    return left.find(({ name }) => name === wanted) ?? left[0];
  }
}

/** Parts of the sysroot that are files. */
const PARTS: readonly RungName[] = ['target-std', 'libc', 'libpython', 'link-libraries'];

async function buildWith(site: Site, prepared: Prepared, applied: ReadonlySet<RungName>, name: string) {
  const parts = PARTS.filter((part) => applied.has(part));
  const equipment = buildOf(applied, prepared, site.planned.plan);
  const sysroot = parts.length === 0 ? undefined : await partial(site, prepared, parts, name);
  return tryBuild(site, {
    name,
    ...equipment,
    files: prepared.env,
    ...defined({ sysroot }),
  });
}

async function partial(
  site: Site,
  { sysroot, python }: Prepared,
  parts: readonly RungName[],
  name: string,
): Promise<string> {
  const all = PARTS.filter((part) => part !== 'link-libraries' || python.link !== undefined);
  if (parts.length === all.length) return sysroot.folder;
  const folder = join(site.scratch, `sysroot-${name}`);
  await linkPart(sysroot.folder, folder, (path) => parts.some((part) => isPartOf(part, path, python)));
  return folder;
}

interface Worlds {
  readonly target: RuntimeInstance;
  readonly reference: RuntimeInstance;
  /** Folder of the unpacked bundle: `bin`, `lib`. */
  readonly home: string;
  /** Absolute path of the program in the sandbox. */
  readonly program: string;
}

/** The bundle of what was built, and the two places where its samples run. */
async function worldsOf(
  site: Site,
  prepared: Prepared,
  samples: readonly Sample[],
  program: string,
): Promise<Result<Worlds>> {
  const { session, planned, toolchain, logs } = site;
  const { plan } = planned;
  const progress: Progress = { planned, prepared, toolchain };
  const worlds = await prepareWorlds(session, planned, prepared, samples, toolchain, logs, progress);
  if (!worlds.ok) return worlds;
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
  const bundle = await bundleUp(session, plan, { built, toolchain, prepared, ...worlds.value, logs });
  if (!bundle.ok) return bundle;
  const target = await targetRuntime(session, plan, {
    ...worlds.value,
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
    reference: referenceRuntime(plan, worlds.value),
    home: join(unpacked.folder, unpacked.top),
    program: name,
  });
}

async function startWith(
  site: Site,
  applied: ReadonlySet<RungName>,
  name: string,
  { target, home, program }: Worlds,
  sample: Sample,
): Promise<Result<Attempt>> {
  const { plan } = site.planned;
  const part = join(site.scratch, `bundle-${name}`);
  await linkPart(home, part, (path) => bundled(path, applied));
  await mkdir(part, { recursive: true });
  const mounts = target.mounts.map((mount) =>
    'source' in mount && mount.source === home ? { ...mount, source: part } : mount,
  );
  const inBundle = mounts.find((mount) => 'source' in mount && mount.source === part)?.at;
  const { emulated, root } = runtimeCapabilities(plan.runtime);
  const bare = emulated && !applied.has('emulator');
  const world: RuntimeInstance = {
    ...target,
    mounts,
    rootfs: applied.has('rootfs') || (root === 'host' && !bare) ? target.rootfs : site.toolchain.folder,
    ...(bare && inBundle !== undefined ? { command: [`${inBundle}/bin/${program}`] } : {}),
  };
  const attempt = await tryRun(site, { name, world, sample });
  await rm(part, { recursive: true, force: true });
  return attempt;
}

/** Whether a file of the bundle is there with these rungs. A static program's libraries are inside it. */
function bundled(path: string, applied: ReadonlySet<RungName>): boolean {
  if (!path.startsWith('lib')) return true;
  return /^lib\/python3/.test(path) ? applied.has('stdlib') : applied.has('libraries');
}

async function runAll(
  { session, planned }: Site,
  samples: readonly Sample[],
  { target, reference }: Worlds,
  artifacts: string,
): Promise<Result<RunOutcome>> {
  const { plan } = planned;
  return session.recorder.stage(
    'run',
    `Samples on ${plan.target.rustTriple}`,
    () =>
      runSamples(session.context, session.store, {
        samples,
        engine: session.engine,
        target: plan.target,
        capabilities: capabilitiesOf(plan),
        runtimes: { target, reference },
        artifacts,
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
