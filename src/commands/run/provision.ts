import { dirname, resolve } from 'node:path';
import type { Diagnostics } from '../../diagnose/diagnostics.ts';
import { openDiagnostics } from '../../diagnose/open-diagnostics.ts';
import type { Context, Settings } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import type { Report } from '../../domain/report.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { hideSecrets } from '../../domain/secrets.ts';
import { shellWord } from '../../domain/shell.ts';
import { isForAnyPython } from '../../env/env.ts';
import { readTool } from '../../exec/files.ts';
import { type Failure, interrupted } from '../../failure.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { type Planned, planRun, resolveForBuild } from '../../pipeline/prepare.ts';
import { relockMissing } from '../../pipeline/relock.ts';
import { artifactsFolder, type Finished, runPipeline } from '../../pipeline/run.ts';
import type { StableProgram } from '../../pipeline/runtimes.ts';
import { type Session, withSession } from '../../pipeline/session.ts';
import { writeReport } from '../../report/files.ts';
import { recordRun } from '../../report/fold-run.ts';
import { writeDifferences, writePage } from '../../report/page/write.ts';
import { makeReport } from '../../report/run-report.ts';
import { summaryLine } from '../../report/summary-line.ts';
import { withModuleCures } from '../../run/missing-modules.ts';
import type { RunOutcome } from '../../run/run.ts';
import { samplesFailure } from '../../run/samples-failure.ts';
import { actionsOutput } from '../actions-output.ts';
import type { Invocation, Outcome } from '../command.ts';

/** What a run came to, with its report and its program. */
export interface Provisioned extends Outcome {
  readonly report?: Report;
  /** Made for the stable ABI: newer versions of Python serve it as well. */
  readonly stable?: StableProgram;
  /** The program is that of an older version. */
  readonly linkedWith?: string;
}

/**
 * Provisions, builds, bundles and runs the samples of a recipe; writes its report. `stable`: the program of an older version,
 * which is taken where this one serves it.
 */
export async function provisionRecipe(
  invocation: Invocation,
  stable?: StableProgram,
): Promise<Result<Provisioned>> {
  const { context, positionals, values } = invocation;
  const { settings } = context;
  const { emit, record } = recordRun(Date.now(), context.emit);
  const ran = await provision({ ...context, emit }, invocation, stable);
  if (!ran.ok) return ran;
  const { planned, artifacts, diagnostics, ended } = ran.value;
  const failure = ended.ok
    ? await sampleFailure(ended.value.outcome, diagnostics, planned, {
        command: rerunCommand(settings, positionals),
        artifacts,
      })
    : ended.error;
  const made = makeReport({
    record: record(),
    blockers: diagnostics.summaries(),
    ...defined({ failure }),
    machine: hostMachine().machine,
    version: readTool(settings.home).version,
    artifacts,
    cwd: settings.cwd,
  });
  if (made === undefined) throw new Error('a run with a plan has a report');
  const report = hideSecrets(made, settings.secrets ?? []);
  const page = values.artifacts === undefined ? dirname(artifacts) : artifacts;
  const actions = await actionsOutput(context, report, artifacts, planned.plan.recipe.file);
  const written = await writeAll(report, { folder: artifacts, page }, failure, actions);
  if (!written.ok || !ended.ok) return written;
  const { linkedWith } = ended.value.made ?? {};
  const own = stableProgram(planned, ended.value);
  return ok({ ...written.value, report, ...defined({ stable: own, linkedWith }) });
}

/** The program of a run, where other versions of Python serve it. */
function stableProgram({ plan }: Planned, { made }: Finished): StableProgram | undefined {
  if (made === undefined || made.linkedWith !== undefined) return undefined;
  const { python } = made.prepared;
  return isForAnyPython(plan, python) ? { built: made.built, libName: python.libName } : undefined;
}

/** A run that had a plan. */
interface Ran {
  readonly planned: Planned;
  readonly artifacts: string;
  readonly diagnostics: Diagnostics;
  readonly ended: Result<Finished>;
}

/**
 * Plans and runs; once more where locks name files that no mirror has any more and that could be resolved anew, and where cargo refused
 * the Rust that was taken, so that the plan is another now.
 */
async function provision(
  context: Context,
  invocation: Invocation,
  stable: StableProgram | undefined,
): Promise<Result<Ran>> {
  const first = await runOnce(context, invocation, true, stable);
  if (!first.ok) return first;
  const again = first.value.relocked || (await isPlannedOtherwise(context, invocation, first.value));
  return again ? runOnce(context, invocation, false, stable) : first;
}

/** Failures of what cargo compiles. */
const COMPILED: readonly string[] = ['build/failed', 'build/tests-failed'];

/** Whether the failed build has told of a Rust that its crates need, and there is one. */
async function isPlannedOtherwise(
  { settings, signal }: Context,
  { positionals }: Invocation,
  { planned, ended }: Ran,
): Promise<boolean> {
  if (ended.ok || !COMPILED.includes(ended.error.code) || signal.aborted) return false;
  const now = await resolveForBuild({ ...settings, machine: hostMachine().machine }, positionals[0]);
  return now.ok && now.value.toolchain.name !== planned.plan.toolchain.name;
}

async function runOnce(
  context: Context,
  { positionals, values }: Invocation,
  mayRelock: boolean,
  stable: StableProgram | undefined,
): Promise<Result<Ran & { readonly relocked: boolean }>> {
  const { settings } = context;
  const [recipe] = positionals;
  const samples = (values.samples as readonly string[] | undefined)?.map((path) =>
    resolve(settings.cwd, path),
  );
  const planned = await planRun(context, recipe, hostMachine(), samples);
  if (!planned.ok) return planned;
  const given = values.artifacts as string | undefined;
  const artifacts =
    given === undefined
      ? artifactsFolder(settings.cwd, planned.value.plan.recipe.name)
      : resolve(settings.cwd, given);
  const diagnostics = openDiagnostics(settings, planned.value, artifacts, { recipe });
  const formats = values.format as readonly string[] | undefined;
  const request = {
    artifacts,
    samplesOnly: samples !== undefined,
    host: values['no-host'] !== true,
    ...defined({ formats, stable }),
  };
  const use = async (session: Session): Promise<Result<Pick<Ran, 'ended'> & { relocked: boolean }>> => {
    const came = await runPipeline(session, planned.value, request);
    // What fails once everything is being stopped fails for that reason, whatever an engine calls it.
    const ended = !came.ok && context.signal.aborted ? err(interrupted()) : came;
    if (ended.ok || ended.error.code !== 'fetch/not-found' || !mayRelock)
      return ok({ ended, relocked: false });
    const relocked = await relockMissing(session, planned.value.locks, ended.error);
    return ok({ ended: relocked.ok ? ended : relocked, relocked: relocked.ok });
  };
  const used = await withSession(context, [planned.value], use, diagnostics);
  return used.ok ? ok({ planned: planned.value, artifacts, diagnostics, ...used.value }) : used;
}

/** Samples that differ, or that something stopped. */
async function sampleFailure(
  outcome: RunOutcome,
  diagnostics: Diagnostics,
  { plan }: Planned,
  { command, artifacts }: { readonly command: string; readonly artifacts: string },
): Promise<Failure | undefined> {
  const failure = samplesFailure(outcome, command, artifacts);
  const explained = diagnostics.explainSamples(failure, outcome.results) ?? failure;
  return explained && withModuleCures(explained, plan.recipe);
}

/** The arguments that start the same run again, behind `provision`. */
function rerunCommand({ project, bin, python }: Settings, [recipe = 'run']: readonly string[]): string {
  const argv = [
    recipe,
    ...(project === undefined ? [] : ['--project', project]),
    ...(bin === undefined ? [] : ['--bin', bin]),
    ...(python === undefined ? [] : ['--python', python]),
  ];
  return argv.map(shellWord).join(' ');
}

async function writeAll(
  report: Report,
  { folder, page }: { readonly folder: string; readonly page: string },
  failure: Failure | undefined,
  actions: Pick<Outcome, 'actions'>,
): Promise<Result<Outcome>> {
  const reported = await writeReport(folder, report);
  const listed = reported.ok && report.status === 'measured' ? await writeDifferences(folder) : reported;
  const written = listed.ok ? await writePage(page) : listed;
  if (!written.ok)
    return failure === undefined || failure.code === written.error.code
      ? written
      : err({ ...failure, also: [...(failure.also ?? []), written.error] });
  return ok({
    text: `${summaryLine(report)}\n`,
    json: report,
    ...defined({ failure }),
    ...actions,
  });
}
