import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import type { BlockerSummary } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';
import type { Report } from '../domain/report.ts';
import { reportStatus, totalsOf } from '../domain/report.ts';
import type { Facts } from '../events.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import type { RunRecord } from './fold-run.ts';

export interface ReportInput {
  readonly record: RunRecord;
  readonly blockers: readonly BlockerSummary[];
  readonly failure?: Failure;
  /** `uname -m` of this machine. */
  readonly machine: string;
  readonly version: string;
  /** Absolute folder of the report, and the one that the command was given in. */
  readonly artifacts: string;
  readonly cwd: string;
}

/** Makes the report of a run, however far it came; undefined when not even the recipe was understood. */
export function makeReport(input: ReportInput): Report | undefined {
  const { record, failure } = input;
  const { planned, facts, stages, notices, began } = record;
  if (planned === undefined) return undefined;
  const { engine, python, pythonCode, reference, toolchain, sysroot, systemData, tests, hostStart } = facts;
  const samples = tests?.results ?? [];
  const finished = Date.now();
  const folder = shown(input.artifacts, input.cwd);
  return {
    schema: 1,
    tool: { name: 'provision', version: input.version },
    status: reportStatus(failure, [...samples, ...(tests?.systems ?? []).flatMap(({ results }) => results)]),
    ...planned,
    started: new Date(began).toISOString(),
    finished: new Date(finished).toISOString(),
    ms: finished - began,
    artifacts: folder,
    host: { machine: input.machine, cores: availableParallelism() },
    ...defined({ engine, python, pythonCode, reference, toolchain, sysroot, systemData }),
    ...filesPart(facts, folder),
    stages,
    bytes: { downloaded: facts.downloaded ?? 0, unpacked: facts.unpacked ?? 0 },
    notices,
    blockers: input.blockers,
    samples,
    totals: totalsOf(samples, tests?.cached ?? 0),
    ...systemsPart(facts),
    ...defined({ hostStart }),
    logs: [...toolLogs(input.artifacts), ...(tests?.logs ?? [])],
    ...defined({ failure }),
  };
}

function systemsPart({ tests }: Facts): Pick<Report, 'systems'> {
  if (tests === undefined || tests.systems.length === 0) return {};
  return {
    systems: tests.systems.map(({ results, cached, ...facts }) => ({
      ...facts,
      samples: results,
      totals: totalsOf(results, cached),
    })),
  };
}

function filesPart({ bundle, packages }: Facts, folder: string): Pick<Report, 'bundle' | 'packages'> {
  const inFolder = <T extends { readonly file: string }>(one: T): T => ({
    ...one,
    file: join(folder, one.file),
  });
  return defined({ bundle: bundle && inFolder(bundle), packages: packages?.map(inFolder) });
}

/** What the tools printed: also on a later run that finds their work in the store. */
function toolLogs(artifacts: string): readonly string[] {
  const folder = join(artifacts, 'logs');
  if (!isThere(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => `logs/${name}`);
}

/** A path as a user in that folder would write it. */
function shown(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : short;
}
