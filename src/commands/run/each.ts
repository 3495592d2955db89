import { join, resolve } from 'node:path';
import { defined } from '../../domain/defined.ts';
import { compareReleases } from '../../domain/glibc.ts';
import type { Report } from '../../domain/report.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { hostMachine } from '../../pipeline/host.ts';
import type { StableProgram } from '../../pipeline/runtimes.ts';
import { resolveRecipe } from '../../recipe/recipe.ts';
import { namedVersions } from '../../recipe/versions.ts';
import type { Invocation, Outcome } from '../command.ts';
import { tableText } from '../table.ts';
import { provisionRecipe } from './provision.ts';

/** A run with the recipe's own Python, or with each version that `--python` names. */
export async function provisionVersions(invocation: Invocation): Promise<Result<Outcome>> {
  const { context, positionals } = invocation;
  const lookup = { ...context.settings, machine: hostMachine().machine };
  const versions = await namedVersions(lookup, positionals[0]);
  if (!versions.ok) return versions;
  const [first, ...others] = versions.value ?? [];
  if (first === undefined || others.length === 0) return provisionRecipe(withVersion(invocation, first));
  return runEach(invocation, [first, ...others]);
}

/** The same with one version of Python, or with the recipe's own. */
function withVersion(invocation: Invocation, version: string | undefined): Invocation {
  const { context } = invocation;
  const { python: _, ...settings } = context.settings;
  return {
    ...invocation,
    context: { ...context, settings: { ...settings, ...defined({ python: version }) } },
  };
}

/**
 * A run for one version after another. What fails for one does not keep the others from being run. A program that is made for the
 * stable ABI is built for the oldest version that serves it, and the same is run with the others.
 */
async function runEach(invocation: Invocation, asked: readonly string[]): Promise<Result<Outcome>> {
  const versions = (await isForStableAbi(invocation, asked[0])) ? asked.toSorted(oldestFirst) : asked;
  let stable: StableProgram | undefined;
  const served: Served[] = [];
  const lines: string[] = [];
  const json: unknown[] = [];
  const failures: Failure[] = [];
  for (const version of versions) {
    const ended = await provisionRecipe(withVersion(inFolderOf(invocation, version), version), stable);
    if (ended.ok) stable ??= ended.value.stable;
    if (ended.ok && ended.value.report !== undefined)
      served.push({ report: ended.value.report, ...defined({ linkedWith: ended.value.linkedWith }) });
    const failure = ended.ok ? ended.value.failure : ended.error;
    if (failure !== undefined) failures.push(failure);
    lines.push(`Python ${version}: ${ended.ok ? ended.value.text : `${ended.error.what}\n`}`);
    json.push({ python: version, ...(ended.ok ? { report: ended.value.json } : { failure: ended.error }) });
    if (invocation.context.signal.aborted) break;
  }
  const [first, ...also] = failures;
  // Nothing was run: the same as of one version that cannot be.
  if (first !== undefined && failures.length === versions.length && json.every((one) => !hasReport(one)))
    return err({ ...first, ...(also.length === 0 ? {} : { also }) });
  const failure = first && { ...first, ...(also.length === 0 ? {} : { also }) };
  const table = stable === undefined || served.length < 2 ? '' : stableTable(stable, served);
  return ok({ text: lines.join('') + table, json, ...defined({ failure }) });
}

async function isForStableAbi(
  { context, positionals }: Invocation,
  python: string | undefined,
): Promise<boolean> {
  const lookup = { ...context.settings, machine: hostMachine().machine, ...defined({ python }) };
  const resolved = await resolveRecipe(lookup, positionals[0]);
  return resolved.ok && resolved.value.crate.pyo3?.abi3 !== undefined;
}

function oldestFirst(one: string, other: string): number {
  const [a = '', b = ''] = [one, other].map((word) => word.split('+')[0]);
  return compareReleases(a, b);
}

/** A version that was run, and what came of it. */
interface Served {
  readonly report: Report;
  /** The libpython that the program was linked with; absent: its own. */
  readonly linkedWith?: string;
}

/** Which versions the one program was run with, and how many of its samples were equal. */
function stableTable({ built, libName }: StableProgram, served: readonly Served[]): string {
  const rows = served.map(({ report, linkedWith }) => {
    const { passed, samples, skipped } = report.totals;
    return [
      report.python?.version ?? '',
      report.sysroot?.name ?? '',
      linkedWith === undefined ? 'built for it' : 'the same',
      `${passed} of ${samples - skipped}`,
    ];
  });
  const heading = `One program, ${built.meta.program} (${built.meta.digest}), linked once with ${libName}, by the stable ABI:\n`;
  return heading + tableText([['Python', 'sysroot', 'program', 'samples equal'], ...rows]);
}

function hasReport(one: unknown): boolean {
  return typeof one === 'object' && one !== null && 'report' in one;
}

/** `--artifacts` of several versions: a folder for each below it. */
function inFolderOf(invocation: Invocation, version: string): Invocation {
  const { values, context } = invocation;
  const { artifacts } = values;
  if (typeof artifacts !== 'string') return invocation;
  const folder = join(resolve(context.settings.cwd, artifacts), `python${version}`);
  return { ...invocation, values: { ...values, artifacts: folder } };
}
