import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Blocker,
  type BlockerPattern,
  type BlockerSummary,
  cureSentence,
  type FailedStep,
  summaryOf,
} from '../domain/blocker.ts';
import type { Settings } from '../domain/context.ts';
import type { SampleResult } from '../domain/sample.ts';
import { readTool } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { catalogueFolder, readCatalogue } from './read-catalogue.ts';
import { type DiagnosticsContext, type Occurrence, ownBlocker, recognize } from './recognize.ts';
import { redactText, secretsOf } from './redact.ts';
import { sarifLog, writeSarif } from './sarif.ts';
import { fullLog, removeBlockers, updateBlocker, writeBlocker } from './write.ts';

/** Failures that are neither the user's input, nor samples, nor Ctrl-C: another tool or the machine is the cause. */
const AREAS = /^(?:build|fetch|archive|engine|store)\//;

/** Of a link: the evidence names the symbols. */
const UNDEFINED_SYMBOLS = 'build/undefined-symbols';

export interface DiagnosticsInput {
  readonly settings: Settings;
  readonly artifacts: string;
  readonly context: DiagnosticsContext;
  /** File of the recipe, as it is shown. */
  readonly recipeFile: string;
}

/**
 * The blockers of a run. A step that fails is recorded at the moment it ends; the failure that results is then explained
 * by what the catalogue knows. One artifact for each kind: the first is kept, samples are added.
 */
export class Diagnostics {
  readonly #input: DiagnosticsInput;
  /** By the name of their logs. */
  readonly #found = new Map<string, Blocker>();
  /** File that a step wrote to → the log of the blocker that it became. */
  readonly #byLog = new Map<string, string>();
  #latest: Blocker | undefined;
  #catalogue: readonly BlockerPattern[] | undefined;

  constructor(input: DiagnosticsInput) {
    this.#input = input;
    despiteDiskErrors(() => removeBlockers(input.artifacts, input.context.folder));
  }

  /** The most recent one. */
  get latest(): Blocker | undefined {
    return this.#latest;
  }

  get versions(): Blocker['versions'] {
    return this.#input.context.versions;
  }

  get blockers(): readonly Blocker[] {
    return [...this.#found.values()];
  }

  summaries(): readonly BlockerSummary[] {
    return this.blockers.map(summaryOf);
  }

  /** Records a step that failed; nothing of it is lost if this process is killed afterwards. */
  record(step: FailedStep): Blocker | undefined {
    const { stage, doing, output } = step;
    return this.#recordOccurrence({ step, stage, doing, output }, fullLog(step.log, output), step.log);
  }

  /** The failure of a stage, explained by its blocker; one that no process reported is recorded now. */
  explain(stage: string, failure: Failure): Failure {
    const { artifacts } = this.#input;
    // A stage inside this one has explained it already.
    if (this.blockers.some(({ log }) => failure.see?.[0] === join(artifacts, log))) return failure;
    const log = failure.see?.find((file) => this.#byLog.has(file));
    const recorded = log === undefined ? undefined : this.#found.get(this.#byLog.get(log) as string);
    if (recorded === undefined && !AREAS.test(failure.code)) return failure;
    const blocker = recorded ?? this.#fromFailure(stage, failure);
    const complete = { ...blocker, failure: failure.code };
    this.#keep(complete);
    despiteDiskErrors(() => updateBlocker(artifacts, complete));
    this.#writeSarif();
    // It states its cause and its cure itself.
    if (recorded === undefined && complete.cure === undefined) {
      const see = [join(artifacts, blocker.log), ...(failure.see ?? [])];
      return { ...failure, ...(failure.evidence && { evidence: blocker.lines }), see };
    }
    return explained(failure, complete, artifacts, log);
  }

  /**
   * The failure of the samples, explained by the blockers that they met. Where one of them stopped every sample, nothing was
   * compared: the run is blocked.
   */
  explainSamples(failure: Failure | undefined, results: readonly SampleResult[]): Failure | undefined {
    const met = this.blockers.filter(({ samples = [] }) => samples.length > 0);
    const [first] = met;
    if (failure === undefined || first === undefined) return failure;
    const started = results.filter(({ status }) => status !== 'skipped');
    const all = met.find(({ samples = [] }) => started.every(({ name }) => samples.includes(name)));
    const explanation = explained(failure, all ?? first, this.#input.artifacts, undefined);
    if (all === undefined)
      return { ...explanation, evidence: failure.evidence ?? explanation.evidence ?? [] };
    const what = `None of the ${started.length} samples runs: ${all.title}.`;
    return { ...explanation, code: 'build/does-not-run', what, why: `[${all.code}] ${all.because}` };
  }

  #fromFailure(stage: string, failure: Failure): Blocker {
    const secrets = this.#secrets({});
    const file = failure.see?.find((one) => one.endsWith('.log'));
    const log = `${textOf(failure)}\n\n${fullLog(file, '')}`;
    const blocker =
      this.#missingLibrary(stage, failure) ?? ownBlocker({ stage, failure }, this.#input.context, secrets);
    return this.#add(blocker, log, secrets);
  }

  /** What a link has left undefined without an error is known by the names of the symbols. */
  #missingLibrary(stage: string, { code, what, evidence = [] }: Failure): Blocker | undefined {
    if (code !== UNDEFINED_SYMBOLS) return undefined;
    const occurrence = { stage, doing: what.replace(/\.$/, ''), output: evidence.join('\n') };
    const blocker = recognize(occurrence, this.#input.context, this.#known(), this.#secrets({}));
    return blocker?.code === 'unknown' ? undefined : blocker;
  }

  #known(): readonly BlockerPattern[] {
    this.#catalogue ??= readCatalogue(catalogueFolder(this.#input.settings.home));
    return this.#catalogue;
  }

  #recordOccurrence(occurrence: Occurrence, log: string, file: string | undefined): Blocker | undefined {
    const secrets = this.#secrets(occurrence.step?.env ?? {});
    const recognized = recognize(occurrence, this.#input.context, this.#known(), secrets);
    if (recognized === undefined) return undefined;
    const blocker = this.#withOwnFile(recognized);
    if (file !== undefined) this.#byLog.set(file, blocker.log);
    return this.#add(blocker, log, secrets);
  }

  #secrets(env: Readonly<Record<string, string>>): readonly string[] {
    const { settings } = this.#input;
    return [
      ...(settings.secrets ?? []),
      ...secretsOf({
        ...settings.proxies,
        ...settings.pip?.variables,
        ...Object.fromEntries(settings.mirrors.map((mirror, index) => [`MIRROR_${index}`, mirror])),
        ...env,
      }),
    ];
  }

  /** Keeps and writes a blocker, unless it is known already. */
  #add(blocker: Blocker, log: string, secrets: readonly string[]): Blocker {
    const known = this.#found.get(blocker.log);
    if (known !== undefined) return this.#addSamples(known, blocker);
    this.#keep(blocker);
    despiteDiskErrors(() => writeBlocker(this.#input.artifacts, blocker, redactText(log, secrets)));
    this.#writeSarif();
    return blocker;
  }

  /** Unknown blockers may be anything: each has files of its own. */
  #withOwnFile(blocker: Blocker): Blocker {
    if (blocker.code !== 'unknown') return blocker;
    const others = this.blockers.filter(({ code }) => code === 'unknown');
    const same = others.find(({ lines }) => lines.join('\n') === blocker.lines.join('\n'));
    if (same !== undefined) return { ...blocker, log: same.log };
    const number = others.length === 0 ? '' : `-${others.length + 1}`;
    return { ...blocker, log: blocker.log.replace(/\.log$/, `${number}.log`) };
  }

  #keep(blocker: Blocker): void {
    this.#latest = blocker;
    this.#found.set(blocker.log, blocker);
  }

  #addSamples(known: Blocker, { samples }: Blocker): Blocker {
    this.#latest = known;
    if (samples === undefined) return known;
    const all = [...new Set([...(known.samples ?? []), ...samples])].sort();
    const more = { ...known, samples: all };
    this.#keep(more);
    despiteDiskErrors(() => updateBlocker(this.#input.artifacts, more));
    return more;
  }

  #writeSarif(): void {
    const { settings, artifacts, recipeFile, context } = this.#input;
    const log = sarifLog(this.blockers, readTool(settings.home), recipeFile);
    despiteDiskErrors(() => writeSarif(artifacts, context.folder, log));
  }
}

/** A full or read-only disk must not hide what the tool printed: it is reported all the same. */
function despiteDiskErrors(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}

/** Whether these are lines as a tool printed them. */
function isPrinted(lines: readonly string[] | undefined, log: string | undefined): boolean {
  if (lines === undefined || log === undefined) return false;
  let text = '';
  despiteDiskErrors(() => {
    text = readFileSync(log, 'utf8');
  });
  const printed = new Set(text.split('\n').map((line) => line.trimEnd()));
  return lines.every((line) => printed.has(line.trimEnd()));
}

/** What happened, the lines that matter, the fix as a command, where the log is. */
function explained(failure: Failure, blocker: Blocker, artifacts: string, log: string | undefined): Failure {
  const file = join(artifacts, blocker.log);
  const see = [file, ...(failure.see ?? []).filter((one) => one !== log)];
  if (blocker.code === 'unknown') {
    // The end of what a tool printed is warnings and settings as often as its error. What a stage has made of it stays.
    return { ...failure, ...(isPrinted(failure.evidence, log) ? { evidence: blocker.lines } : {}), see };
  }
  // A stage that knows the fix itself has stated it already.
  const present =
    blocker.cure !== undefined && failure.fix.some((one) => one.includes(`\`${blocker.cure}\``));
  const cure = blocker.cure === undefined ? [] : [cureSentence(blocker.cure)];
  const fix = present ? failure.fix : [...cure, ...blocker.advice, ...failure.fix];
  const own = (failure.evidence ?? []).filter((line) => !blocker.lines.includes(line.trimEnd()));
  return {
    ...failure,
    why: `${blocker.title} [${blocker.code}]. ${failure.why ?? blocker.because}`,
    fix: [...new Set(fix)],
    // Where a stage found out more than the tool printed, that comes first.
    evidence: failure.code === UNDEFINED_SYMBOLS ? [...own, ...blocker.lines] : blocker.lines,
    see,
  };
}

function textOf({ what, why, evidence = [], also = [] }: Failure): string {
  const further = also.flatMap((one) => [one.what, ...(one.evidence ?? [])]);
  return [what, ...(why === undefined ? [] : [why]), ...evidence, ...further].join('\n');
}
