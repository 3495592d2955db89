import { readFileSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { artifactsFailure } from '../domain/artifacts.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { hostMachine } from '../pipeline/host.ts';
import { relockMissing } from '../pipeline/relock.ts';
import { makeReport } from '../pipeline/report.ts';
import { openSession, type Session } from '../pipeline/session.ts';
import { artifactsFolder, type Progress, runPipeline } from '../pipeline.ts';
import { closingLine } from '../report/closing.ts';
import { writeReport } from '../report/files.ts';
import { samplesFailure } from '../run/run.ts';
import { digestFile } from '../store/digest.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'run',
  summary: 'provision, build, bundle and run the samples of a recipe',
  positionals: [{ name: 'recipe', required: true, completes: 'recipe' }],
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
  },
  examples: [
    'provision aarch64',
    'provision aarch64 --samples my_script.py',
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
    recipe: positionals[0] as string,
    ...(samples === undefined ? {} : { samples: samples.map((path) => resolve(cwd, path)) }),
    artifacts,
    host,
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
      ? samplesFailure(outcome.value, positionals[0] as string, folder)
      : delivered.error;
  const version = (JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string })
    .version;
  const report = makeReport({
    session,
    progress,
    ...(failure === undefined ? {} : { failure }),
    started,
    host,
    version,
    artifacts: folder,
  });
  if (report === undefined) throw new Error('a run with a plan has a report');
  return finish(report, folder, failure);
}

async function finish(
  report: Report,
  folder: string,
  failure: Failure | undefined,
): Promise<Result<Outcome>> {
  const written = await writeReport(folder, report);
  if (!written.ok)
    return failure === undefined
      ? written
      : err({ ...failure, also: [...(failure.also ?? []), written.error] });
  return ok({
    text: `${closingLine(report)}\n`,
    json: report,
    ...(failure === undefined ? {} : { failure }),
  });
}

/** Puts the bundle beside the report; the store's own copy stays untouched whatever people do with this one. */
async function deliver({ bundle }: Progress, folder: string): Promise<Result<void>> {
  if (bundle === undefined) return ok(undefined);
  const { archive, digest } = bundle.meta;
  const to = join(folder, archive);
  const present = await digestFile(to).catch(() => undefined);
  if (present?.digest === digest) return ok(undefined);
  const beside = `${to}.${process.pid}.tmp`;
  try {
    await copyFile(join(bundle.folder, archive), beside);
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
