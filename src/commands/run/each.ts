import { join, resolve } from 'node:path';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { hostMachine } from '../../pipeline/host.ts';
import { namedVersions } from '../../recipe/versions.ts';
import type { Invocation, Outcome } from '../command.ts';
import { provisionRecipe } from './provision.ts';

/** A run with the recipe's own Python, or with each version that `--python` names. */
export async function provisionVersions(invocation: Invocation): Promise<Result<Outcome>> {
  const { context, positionals } = invocation;
  const lookup = { ...context.settings, machine: hostMachine().machine };
  const versions = await namedVersions(lookup, positionals[0]);
  if (!versions.ok) return versions;
  const [first, ...others] = versions.value ?? [];
  if (first === undefined || others.length === 0) return provisionRecipe(withVersion(invocation, first));
  return runEach(invocation, [first, ...others], provisionRecipe);
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

/** A command for one version after another. What fails for one does not keep the others from being run. */
async function runEach(
  invocation: Invocation,
  versions: readonly string[],
  run: (invocation: Invocation) => Promise<Result<Outcome>>,
): Promise<Result<Outcome>> {
  const lines: string[] = [];
  const json: unknown[] = [];
  const failures: Failure[] = [];
  for (const version of versions) {
    const ended = await run(withVersion(inFolderOf(invocation, version), version));
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
  return ok({ text: lines.join(''), json, ...defined({ failure }) });
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
