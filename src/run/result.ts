import { isUtf8 } from 'node:buffer';
import { defined } from '../domain/defined.ts';
import type { Observation, Sample, SampleResult } from '../domain/sample.ts';
import type { Target } from '../domain/target.ts';
import { compare, type Difference } from './compare.ts';
import type { Run } from './observe.ts';

/** Bytes of each stream that a result holds. */
const SHOWN_BYTES = 16 * 1024;

/** Differences that no declaration excuses. */
const NEVER_DECLARED = ['time-limit', 'output-limit', 'disk-limit', 'emulator-crash', 'reference-failed'];

export interface Runs {
  readonly reference: Run;
  readonly target: Run;
}

/** What came of a sample, without its logs. */
export function resultOf(sample: Sample, target: Place, runs: Runs): SampleResult {
  const difference = compare(runs.reference, runs.target, sample.timeoutSeconds);
  return resultFrom(sample, target, runs, difference);
}

/** Where a sample runs: names by which declarations can refer to it. */
export type Place = Pick<Target, 'name' | 'rustTriple' | 'libc'> & { readonly system?: string };

/** The result of a run that has no reference: nothing of the kind is in it. */
export function resultWithoutReference(
  sample: Sample,
  target: Place,
  runs: Runs,
  difference: Difference | undefined,
): SampleResult {
  const { reference: _, ...result } = resultFrom(sample, target, runs, difference);
  return result;
}

function resultFrom(
  sample: Sample,
  target: Place,
  runs: Runs,
  difference: Difference | undefined,
): SampleResult {
  const observed = { target: observation(runs.target), reference: observation(runs.reference) };
  if (difference === undefined) return { ...common(sample), status: 'passed', ...observed };
  const { kind, reason, diff } = difference;
  const declared = declaredOn(sample, target);
  const shown = { ...defined({ diff }), ...observed };
  if (declared.length > 0 && !NEVER_DECLARED.includes(kind))
    return { ...common(sample), status: 'passed', declared, ...shown };
  return { ...common(sample), status: 'failed', reason, kind, ...shown };
}

export function otherVersion(sample: Sample, version: string): SampleResult {
  const reason = `the sample is for Python ${sample.python}, and this one is ${version}`;
  return { ...common(sample), status: 'skipped', reason };
}

/** `why`: a sentence, where it is this machine that lacks it. */
export function skipped(sample: Sample, facility: string, target: string, why?: string): SampleResult {
  const here = why === undefined ? '' : ` here: ${why.replace(/\.$/, '')}`;
  return { ...common(sample), status: 'skipped', reason: `${target} lacks ${facility}${here}` };
}

/** Reasons of the differences that are declared for this target. */
export function declaredOn(sample: Sample, target: Place): readonly string[] {
  return sample.knownDifferences
    .filter(({ on }) =>
      [target.name, target.rustTriple, target.libc, target.system].some(
        (name) => name !== undefined && on.includes(name),
      ),
    )
    .map(({ reason }) => reason);
}

function common(sample: Sample): Pick<SampleResult, 'name' | 'title' | 'tier' | 'file'> {
  return { name: sample.name, title: sample.title, tier: sample.tier, file: sample.file };
}

function observation(run: Run): Observation {
  const stdout = run.stdout.subarray(0, SHOWN_BYTES);
  const stderr = run.stderr.subarray(0, SHOWN_BYTES);
  const encoding = isUtf8(run.stdout) && isUtf8(run.stderr) ? 'utf8' : 'base64';
  const cut = {
    ...(stdout.length < run.stdout.length ? { stdout: run.stdout.length } : {}),
    ...(stderr.length < run.stderr.length ? { stderr: run.stderr.length } : {}),
  };
  return {
    stdout: text(stdout, encoding),
    stderr: text(stderr, encoding),
    encoding,
    exit: run.exit,
    ms: run.ms,
    ...(Object.keys(cut).length === 0 ? {} : { cut }),
    ...(run.emulator.length === 0 ? {} : { emulator: run.emulator }),
  };
}

function text(bytes: Uint8Array, encoding: Observation['encoding']): string {
  // A sequence that the cut went through comes out as a replacement character: it is dropped.
  const decoded = Buffer.from(bytes).toString(encoding);
  return encoding === 'utf8' && !isUtf8(bytes) ? decoded.replace(/\ufffd+$/, '') : decoded;
}
