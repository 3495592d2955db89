import { readFileSync, utimesSync } from 'node:fs';
import { machine, platform, release } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Event } from '../../events.ts';
import { compareObserved, FileObserver, type ObservedFiles } from '../../exec/observe-files.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import { bootId } from '../../store/process-tag.ts';
import { formatResult, parseResult } from '../../store/record.ts';
import type { Json } from '../../store/store.ts';
import { writeWhole } from '../../store/temporary.ts';
import type { Invocation, Outcome } from '../command.ts';

/** Times of last use are set anew after so long: `provision clean` counts in days. */
const USED_MS = 3_600_000;

/** A run that made nothing, and every file that it depended on and left behind. */
interface UnchangedRun {
  readonly observed: ObservedFiles;
  readonly events: readonly Event[];
  readonly outcome: Pick<Outcome, 'text' | 'json'>;
  /** When the times of last use were set: milliseconds since the epoch. */
  readonly used: number;
}

/**
 * Runs, unless the same run was made before, everything was in the store, and none of the files that it read or wrote is
 * another one by size, times and inode: then what it said is said again, and its report stays. Which files these are is
 * not known from the recipe: the run itself is observed. Only a compiled program does so: what it is made of is in its name.
 */
export async function unlessUnchanged(
  invocation: Invocation,
  run: (invocation: Invocation) => Promise<Result<Outcome>>,
): Promise<Result<Outcome>> {
  const { context } = invocation;
  if (!import.meta.url.endsWith('.cjs') || context.settings.actions !== undefined) return run(invocation);
  const file = recordFile(invocation);
  const before = readRecord(file);
  if (before !== undefined) {
    const observed = compareObserved(before.observed);
    if (observed !== undefined) {
      for (const event of before.events) context.emit(event);
      await keepUsed(context, file, before, observed);
      return ok(before.outcome);
    }
  }
  return observedRun(invocation, run, file);
}

async function observedRun(
  invocation: Invocation,
  run: (invocation: Invocation) => Promise<Result<Outcome>>,
  file: string,
): Promise<Result<Outcome>> {
  const { context, values } = invocation;
  const { settings } = context;
  const events: Event[] = [];
  let worked = false;
  const emit = (event: Event): void => {
    // What a run with anything to do prints is not kept.
    if (events.length < MOST_EVENTS && isShown(event)) events.push(event);
    if (!foundInStore(event)) worked = true;
    context.emit(event);
  };
  const observer = new FileObserver({
    outputs: [outputFolder(settings.cwd, values.artifacts)],
    ignored: ['tmp', 'locks'].map((part) => join(settings.store, part)),
  });
  observer.start();
  let observed: ObservedFiles | undefined;
  let result: Result<Outcome>;
  try {
    result = await run({ ...invocation, context: { ...context, emit } });
  } finally {
    observed = observer.finish();
  }
  if (observed === undefined || !result.ok || result.value.failure !== undefined) return result;
  if (context.signal.aborted || worked || events.length === MOST_EVENTS) return result;
  const { text } = result.value;
  // The whole report, which is long: `--json` alone shows it.
  const json = values.json === true ? result.value.json : undefined;
  await writeRecord(context, file, { observed, events, outcome: { text, json }, used: Date.now() });
  return result;
}

/** More than any run emits that finds all in the store. */
const MOST_EVENTS = 5_000;

/** Reports are below it, and beside them the page of all of them. */
function outputFolder(cwd: string, artifacts: Invocation['values'][string]): string {
  return typeof artifacts === 'string' ? resolve(cwd, artifacts) : join(cwd, 'artifacts');
}

/** What is for the report alone stands in the report that is left. */
function isShown({ type }: Event): boolean {
  return ['stage-started', 'stage-progress', 'stage-finished', 'notice', 'command', 'stage-output'].includes(
    type,
  );
}

function foundInStore(event: Event): boolean {
  // What was not pushed is to be tried again.
  if (event.type === 'notice' && event.code.startsWith('cache/')) return false;
  if (event.type === 'stage-finished') return event.outcome === 'hit' || event.outcome === 'skipped';
  return event.type !== 'step-failed' && event.type !== 'failure';
}

/** Everything that a run depends on and that is no file: options, settings, machine, and the program itself. */
function recordFile({ context: { settings }, values, positionals, rest }: Invocation): string {
  const name = fingerprint({
    kind: 'unchanged run',
    program: import.meta.url,
    node: process.version,
    machine: [machine(), platform(), release(), bootId()],
    user: [process.geteuid?.() ?? 0, process.getegid?.() ?? 0, process.umask()],
    request: JSON.parse(JSON.stringify({ settings, values, positionals, rest })) as Json,
  });
  return join(settings.store, 'results', `${name}.json`);
}

function readRecord(file: string): UnchangedRun | undefined {
  try {
    return parseResult(readFileSync(file, 'utf8'), keyOf(file)) as UnchangedRun | undefined;
  } catch {
    return undefined;
  }
}

/** Only saves time: a store that cannot be written to is no reason to fail. */
async function writeRecord({ settings }: Context, file: string, value: UnchangedRun): Promise<void> {
  await writeWhole(settings.store, file, formatResult(keyOf(file), value)).catch(() => {});
}

function keyOf(file: string): string {
  return basename(file, '.json');
}

/** What a run uses is not pruned: it sets times of last use, and so does one that does nothing. */
async function keepUsed(
  context: Context,
  file: string,
  run: UnchangedRun,
  observed: ObservedFiles,
): Promise<void> {
  const now = Date.now();
  if (now - run.used < USED_MS) {
    if (observed !== run.observed) await writeRecord(context, file, { ...run, observed });
    return;
  }
  for (const path of Object.keys(observed.used)) setUsed(path, now);
  const again = compareObserved(observed);
  if (again !== undefined) await writeRecord(context, file, { ...run, observed: again, used: now });
}

function setUsed(path: string, now: number): void {
  try {
    utimesSync(path, now / 1000, now / 1000);
  } catch {
    // Another user's, or pruned: the next run finds out.
  }
}
