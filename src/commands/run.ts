import { readFileSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { artifactsFailure } from '../domain/artifacts.ts';
import type { Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { hideSecrets } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell.ts';
import type { Failure } from '../failure.ts';
import { actionsNews } from '../pipeline/actions.ts';
import { hostMachine } from '../pipeline/host.ts';
import { relockMissing } from '../pipeline/relock.ts';
import { makeReport } from '../pipeline/report.ts';
import { openSession, type Session } from '../pipeline/session.ts';
import { artifactsFolder, type Progress, runPipeline } from '../pipeline.ts';
import { closingLine } from '../report/closing.ts';
import { writeReport } from '../report/files.ts';
import { writePage } from '../report/page/write.ts';
import { type RunOutcome, samplesFailure } from '../run/run.ts';
import { digestFile } from '../store/digest.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'run',
  summary: 'provision, build, bundle and run the samples of a recipe',
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {
    samples: {
      type: 'string',
      multiple: true,
      value: '<path>',
      help: 'run these scripts or folders instead (repeatable)',
    },
    artifacts: {
      type: 'string',
      value: '<folder>',
      help: 'where reports and bundle go (artifacts/<recipe>)',
    },
    format: {
      type: 'string',
      multiple: true,
      value: '<format>',
      help: 'ship the bundle as `oci` or `deb` too (repeatable)',
    },
  },
  examples: [
    'provision aarch64',
    'provision aarch64 --samples my_script.py',
    'provision run --project my-crate',
    'provision run ./my-recipe.yaml --offline',
  ],
  renders: true,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const started = Date.now();
  const session = await openSession(invocation.context);
  if (!session.ok) return session;
  try {
    return await runAndReport(session.value, invocation, started);
  } finally {
    await session.value.engineUsed()?.close?.();
    if (!invocation.context.signal.aborted) await session.value.store.settled();
  }
}

async function runAndReport(
  session: Session,
  { context, positionals, values }: Invocation,
  started: number,
): Promise<Result<Outcome>> {
  const { cwd, home } = context.settings;
  const samples = values.samples as readonly string[] | undefined;
  const given = values.artifacts as string | undefined;
  const artifacts = (recipe: string): string =>
    given === undefined ? artifactsFolder(cwd, recipe) : resolve(cwd, given);
  const host = hostMachine();
  const request = {
    recipe: positionals[0],
    ...(samples === undefined ? {} : { samples: samples.map((path) => resolve(cwd, path)) }),
    artifacts,
    host,
    ...(values.format === undefined ? {} : { formats: values.format as readonly string[] }),
  };
  let progress: Progress = {};
  let outcome = await runPipeline(session, request, progress);
  if (!outcome.ok && outcome.error.code === 'fetch/not-found' && progress.planned !== undefined) {
    const relocked = await relockMissing(session, progress.planned.locks, outcome.error);
    if (!relocked.ok) outcome = relocked;
    else {
      progress = {};
      outcome = await runPipeline(session, request, progress);
    }
  }
  const recipe = progress.planned?.plan.recipe.name;
  if (recipe === undefined) return outcome.ok ? err(noPlan()) : outcome;
  const folder = artifacts(recipe);
  const delivered = await deliver(progress, folder);
  const failure = !outcome.ok
    ? outcome.error
    : delivered.ok
      ? whatCameOf(session, outcome.value, again(context.settings, positionals), folder)
      : delivered.error;
  const version = (JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string })
    .version;
  const made = makeReport({
    session,
    progress,
    ...defined({ failure }),
    started,
    host,
    version,
    artifacts: folder,
  });
  if (made === undefined) throw new Error('a run with a plan has a report');
  const report = hideSecrets(made, context.settings.secrets ?? []);
  const file = progress.planned?.plan.recipe.file as string;
  const page = given === undefined ? dirname(folder) : folder;
  return finish(report, { folder, page }, failure, await actionsNews(context, report, folder, file));
}

/** Samples that differ, or that something stopped. */
function whatCameOf(
  { recorder }: Session,
  outcome: RunOutcome,
  recipe: string,
  folder: string,
): Failure | undefined {
  const failure = samplesFailure(outcome, recipe, folder);
  return recorder.book?.explainSamples(failure, outcome.results) ?? failure;
}

/** What names the same run again, behind `provision`. */
function again({ project, bin }: Settings, [recipe = 'run']: readonly string[]): string {
  const words = [
    recipe,
    ...(project === undefined ? [] : ['--project', project]),
    ...(bin === undefined ? [] : ['--bin', bin]),
  ];
  return words.map(shellWord).join(' ');
}

async function finish(
  report: Report,
  { folder, page }: { readonly folder: string; readonly page: string },
  failure: Failure | undefined,
  news: Pick<Outcome, 'actions'>,
): Promise<Result<Outcome>> {
  const reported = await writeReport(folder, report);
  const written = reported.ok ? await writePage(page) : reported;
  if (!written.ok)
    return failure === undefined || failure.code === written.error.code
      ? written
      : err({ ...failure, also: [...(failure.also ?? []), written.error] });
  return ok({
    text: `${closingLine(report)}\n`,
    json: report,
    ...defined({ failure }),
    ...news,
  });
}

/** Puts bundle and packages beside the report; the store's own copies stay untouched whatever people do with these. */
async function deliver({ bundle, packages = [] }: Progress, folder: string): Promise<Result<void>> {
  const files = [
    ...(bundle === undefined ? [] : [{ ...bundle.meta, file: bundle.meta.archive, from: bundle.folder }]),
    ...packages.map((one) => ({ ...one.meta, from: one.folder })),
  ];
  for (const { file, digest, from } of files) {
    const delivered = await deliverFile(join(from, file), digest, join(folder, file), folder);
    if (!delivered.ok) return delivered;
  }
  return ok(undefined);
}

async function deliverFile(from: string, digest: string, to: string, folder: string): Promise<Result<void>> {
  const present = await digestFile(to).catch(() => undefined);
  if (present?.digest === digest) return ok(undefined);
  const beside = `${to}.${process.pid}.tmp`;
  try {
    await copyFile(from, beside);
    await rename(beside, to);
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  } finally {
    await rm(beside, { force: true });
  }
}

function noPlan() {
  return {
    code: 'plan/none',
    what: 'The run ended without a plan.',
    fix: ['Report this: it is a bug.'],
  } as const;
}
