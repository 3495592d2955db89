import type { ModuleRun, TestOutcome } from '../../domain/conformance.ts';
import type { Run } from '../observe.ts';

/** What a run of driver.py recorded of one module. */
export interface ModuleRecords {
  readonly run: ModuleRun;
  /** Test → how it went. */
  readonly tests: ReadonlyMap<string, TestRecord>;
}

export interface TestRecord {
  readonly outcome: TestOutcome;
  readonly message?: string;
}

/** Begins a record in a JSON text sequence (RFC 7464, section 2.2). */
const RECORD = '\x1e';

/** Characters of standard error that are kept of a run that was stopped. */
const LAST_OUTPUT = 2000;

/** Whether the program gave its arguments to Python: without them nothing can be asked of it. */
export function hasArguments(run: Run): boolean {
  return ![...recordsOf(run.stdout)].some((record) => record.end === true && record.arguments === false);
}

/** Reads the records of a run, between whatever the tests printed. */
export function readRecords(run: Run): ModuleRecords {
  const tests = new Map<string, TestRecord>();
  let end: Readonly<Record<string, unknown>> | undefined;
  for (const record of recordsOf(run.stdout)) {
    if (record.end === true) end = record;
    const { test, outcome, message } = record;
    if (typeof test !== 'string' || !isOutcome(outcome)) continue;
    tests.set(test, { outcome, ...(typeof message === 'string' ? { message } : {}) });
  }
  const count = (wanted: TestOutcome): number =>
    [...tests.values()].filter(({ outcome }) => outcome === wanted).length;
  const counts = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
  return { run: { ...endOf(run, end, [...tests.keys()].at(-1)), ...counts, ms: run.ms }, tests };
}

function* recordsOf(stdout: Uint8Array): Generator<Readonly<Record<string, unknown>>> {
  for (const piece of Buffer.from(stdout).toString('latin1').split(RECORD).slice(1)) {
    try {
      const value: unknown = JSON.parse(piece.split('\n', 1)[0] as string);
      if (typeof value === 'object' && value !== null) yield value as Readonly<Record<string, unknown>>;
    } catch {
      // A test printed the character itself, or the program ended within a record: section 2.1 has parsers continue.
    }
  }
}

function endOf(
  run: Run,
  end: Readonly<Record<string, unknown>> | undefined,
  last: string | undefined,
): Pick<ModuleRun, 'end' | 'reason'> {
  if (run.end === 'time') return { end: 'time', reason: `ran into the time limit${after(last)}` };
  if (run.end === 'output') return { end: 'output', reason: `printed too much${after(last)}` };
  if (run.end === 'disk') return { end: 'disk', reason: `filled the disk${after(last)}` };
  if (run.end === 'emulator') return { end: 'emulator', reason: run.why ?? 'the emulator failed' };
  if (typeof end?.skipped === 'string') return { end: 'skipped', reason: end.skipped };
  if (typeof end?.broken === 'string') return { end: 'stopped', reason: end.broken };
  if (end !== undefined) return { end: 'done' };
  const how = 'status' in run.exit ? `exit status ${run.exit.status}` : run.exit.signal;
  const output = Buffer.from(run.stderr).toString('utf8').trim().slice(-LAST_OUTPUT);
  return { end: 'stopped', reason: `ended with ${how}${after(last)}${output === '' ? '' : `:\n${output}`}` };
}

function after(last: string | undefined): string {
  return last === undefined ? '' : ` after ${last}`;
}

function isOutcome(value: unknown): value is TestOutcome {
  return value === 'passed' || value === 'failed' || value === 'skipped';
}
