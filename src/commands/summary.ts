import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defined } from '../domain/defined.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exitCodeOf, type Failure } from '../failure.ts';
import { matrixSummary } from '../report/actions/summary.ts';
import { duration } from '../report/rows.ts';
import { countedText } from '../report/summary-line.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'summary',
  summary: 'put the reports of several recipes into one table',
  positionals: [{ name: 'folder', required: true, completes: 'file' }],
  options: {
    matrix: {
      type: 'string',
      value: '<json>',
      help: 'what `provision matrix --json` printed: each of its recipes must have a report',
    },
  },
  examples: ['provision summary artifacts', 'provision summary reports --matrix "$MATRIX" --json'],
  renders: false,
  run,
};

async function run({ context, positionals, values }: Invocation): Promise<Result<Outcome>> {
  const folder = resolve(context.settings.cwd, positionals[0] as string);
  const expected = namesOf(typeof values.matrix === 'string' ? values.matrix : '{"include":[]}');
  if (expected === undefined) return err(badMatrix());
  const reports = await readReports(folder);
  const missing = expected.filter((name) => !reports.some(({ recipe }) => recipe === name));
  if (reports.length + missing.length === 0) return err(noReports(folder));
  const failure = failureOf(reports, missing);
  return ok({
    text: tableOf(reports, missing),
    json: { reports, missing },
    ...defined({ failure }),
    actions: { summary: matrixSummary(reports, missing) },
  });
}

/** Names in a matrix; nothing where it is none. */
function namesOf(matrix: string): readonly string[] | undefined {
  try {
    const { include } = JSON.parse(matrix) as { readonly include: readonly { readonly name: unknown }[] };
    const names = include.map(({ name }) => name);
    return names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Every report below a folder, by recipe. */
async function readReports(folder: string): Promise<readonly Report[]> {
  const below = await readdir(folder, { recursive: true }).catch(unlessDeviceFailed([]));
  const files = below.filter((path) => path === 'report.json' || path.endsWith('/report.json'));
  const read = await Promise.all(files.map((file) => readReport(join(folder, file))));
  return read.filter((one) => one !== undefined).sort((a, b) => (a.recipe < b.recipe ? -1 : 1));
}

/** A file of that name may be anybody's. */
async function readReport(file: string): Promise<Report | undefined> {
  const text = await readFile(file, 'utf8');
  try {
    const report = JSON.parse(text) as Partial<Report> | null;
    return report?.schema === 1 && report.tool?.name === 'provision' ? (report as Report) : undefined;
  } catch {
    return undefined;
  }
}

/** The gravest failure: the exit code distinguishes the machine, a blocker and a difference. */
function failureOf(reports: readonly Report[], missing: readonly string[]): Failure | undefined {
  const failed = reports.filter(({ status }) => status !== 'passed');
  if (failed.length + missing.length === 0) return undefined;
  const codes = failed.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const gravest = codes.toSorted((a, b) => exitCodeOf(a) - exitCodeOf(b))[0];
  const area = missing.length > 0 || gravest === undefined ? 'engine' : gravest.code.split('/', 1)[0];
  const parts = [
    ...failed.map(({ recipe, status, failure }) => `${recipe}: ${failure?.code ?? status}`),
    ...missing.map((recipe) => `${recipe}: no report`),
  ];
  return {
    code: `${area}/recipes-failed` as Failure['code'],
    what: `${parts.length} of ${reports.length + missing.length} recipes did not pass: ${parts.join(', ')}.`,
    fix: ['Read the report, the blockers and the logs in the artifacts of their jobs.'],
  };
}

function tableOf(reports: readonly Report[], missing: readonly string[]): string {
  const rows = [
    ...reports.map((report) => [
      report.recipe,
      report.status,
      countedText(report),
      duration(report.ms),
      report.failure?.code ?? '',
    ]),
    ...missing.map((recipe) => [recipe, 'no report', '', '', '']),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] as number))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function badMatrix(): Failure {
  return {
    code: 'usage/matrix',
    what: '--matrix takes the JSON that `provision matrix --json` prints.',
    fix: ['Example: `provision summary reports --matrix "$(provision matrix --json)"`.'],
  };
}

function noReports(folder: string): Failure {
  return {
    code: 'usage/no-reports',
    what: `There is no report below \`${folder}\`.`,
    fix: ['Give the folder that the artifacts were downloaded to: each recipe has a `report.json` in it.'],
  };
}
