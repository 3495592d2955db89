import { join } from 'node:path';
import { type About, recognize, type Seen } from '../blocker/blocker.ts';
import { redactText, secretsOf } from '../blocker/redact.ts';
import { sarifLog, toolOf, writeSarif } from '../blocker/sarif.ts';
import { fullLog, removeBlockers, updateBlocker, writeBlocker } from '../blocker/write.ts';
import {
  type Blocker,
  type BlockerPattern,
  type BlockerSummary,
  type FailedStep,
  summaryOf,
} from '../domain/blocker.ts';
import type { Settings } from '../domain/context.ts';
import type { SampleResult } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import { readCatalogue } from '../recipe/catalogue.ts';

/** Failures that are not the person's own input, nor samples, nor Ctrl-C: somebody else's tool or machine stopped us. */
const AREAS = /^(?:build|fetch|archive|engine|store)\//;

/** Where the catalogue is, from the tool's own folder. */
const CATALOGUE = join('src', 'blocker', 'catalogue');

export interface BookInput {
  readonly settings: Settings;
  readonly artifacts: string;
  readonly about: About;
  /** File of the recipe, as it is shown. */
  readonly recipeFile: string;
}

/**
 * The blockers of a run. A step that fails is written down at the moment it ended; the failure that comes of it is then
 * told with what the catalogue knows. One artifact for each kind: the first is kept, samples are added.
 */
export class BlockerBook {
  readonly #input: BookInput;
  /** By the name of their logs. */
  readonly #found = new Map<string, Blocker>();
  /** File that a step wrote to → the log of the blocker that it became. */
  readonly #byLog = new Map<string, string>();
  #latest: Blocker | undefined;
  #catalogue: readonly BlockerPattern[] | undefined;

  constructor(input: BookInput) {
    this.#input = input;
    onPaper(() => removeBlockers(input.artifacts, input.about.folder));
  }

  /** The one that was met last. */
  get latest(): Blocker | undefined {
    return this.#latest;
  }

  get versions(): Blocker['versions'] {
    return this.#input.about.versions;
  }

  get blockers(): readonly Blocker[] {
    return [...this.#found.values()];
  }

  summaries(): readonly BlockerSummary[] {
    return this.blockers.map(summaryOf);
  }

  /** Writes down a step that failed; nothing of it is lost if we are killed after this. */
  hear(step: FailedStep): Blocker | undefined {
    const { stage, doing, output } = step;
    return this.#note({ step, stage, doing, output }, fullLog(step.log, output), step.log);
  }

  /** The failure of a stage, told with its blocker; one that no process of ours told is written down now. */
  explain(stage: string, failure: Failure): Failure {
    const { artifacts } = this.#input;
    // A stage inside another one has told it already.
    if (this.blockers.some(({ log }) => failure.see?.[0] === join(artifacts, log))) return failure;
    const log = failure.see?.find((file) => this.#byLog.has(file));
    const heard = log === undefined ? undefined : this.#found.get(this.#byLog.get(log) as string);
    if (heard === undefined && !AREAS.test(failure.code)) return failure;
    const blocker = heard ?? this.#fromFailure(stage, failure);
    if (blocker === undefined) return failure;
    const told = { ...blocker, failure: failure.code };
    this.#keep(told);
    onPaper(() => updateBlocker(artifacts, told));
    this.#writeSarif();
    return explained(failure, told, artifacts, log);
  }

  /**
   * What became of the samples, told with the blockers that they met. Where one of them stopped every sample, nothing was
   * compared: the run is blocked.
   */
  explainSamples(failure: Failure | undefined, results: readonly SampleResult[]): Failure | undefined {
    const met = this.blockers.filter(({ samples = [] }) => samples.length > 0);
    const [first] = met;
    if (failure === undefined || first === undefined) return failure;
    const started = results.filter(({ status }) => status !== 'skipped');
    const all = met.find(({ samples = [] }) => started.every(({ name }) => samples.includes(name)));
    const told = explained(failure, all ?? first, this.#input.artifacts, undefined);
    if (all === undefined) return { ...told, evidence: failure.evidence ?? told.evidence ?? [] };
    const what = `None of the ${started.length} samples runs: ${all.title}.`;
    return { ...told, code: 'build/does-not-run', what, why: `[${all.code}] ${all.because}` };
  }

  #fromFailure(stage: string, failure: Failure): Blocker | undefined {
    const output = textOf(failure);
    const file = failure.see?.find((one) => one.endsWith('.log'));
    const seen = { stage, doing: failure.what.replace(/\.$/, ''), output, failure: failure.code };
    return this.#note(seen, `${output}\n\n${fullLog(file, '')}`, undefined);
  }

  #note(seen: Seen, log: string, file: string | undefined): Blocker | undefined {
    const { settings, artifacts, about } = this.#input;
    this.#catalogue ??= readCatalogue(join(settings.home, CATALOGUE));
    const secrets = [
      ...(settings.secrets ?? []),
      ...secretsOf({
        ...settings.proxies,
        ...settings.pip?.variables,
        ...Object.fromEntries(settings.mirrors.map((mirror, index) => [`MIRROR_${index}`, mirror])),
        ...seen.step?.env,
      }),
    ];
    const seenAs = recognize(seen, about, this.#catalogue, secrets);
    if (seenAs === undefined) return undefined;
    const blocker = this.#named(seenAs);
    if (file !== undefined) this.#byLog.set(file, blocker.log);
    const known = this.#found.get(blocker.log);
    if (known !== undefined) return this.#again(known, blocker);
    this.#keep(blocker);
    onPaper(() => writeBlocker(artifacts, blocker, redactText(log, secrets)));
    this.#writeSarif();
    return blocker;
  }

  /** What nobody knows may be anything: each has files of its own. */
  #named(blocker: Blocker): Blocker {
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

  #again(known: Blocker, { samples }: Blocker): Blocker {
    this.#latest = known;
    if (samples === undefined) return known;
    const all = [...new Set([...(known.samples ?? []), ...samples])].sort();
    const more = { ...known, samples: all };
    this.#keep(more);
    onPaper(() => updateBlocker(this.#input.artifacts, more));
    return more;
  }

  #writeSarif(): void {
    const { settings, artifacts, recipeFile, about } = this.#input;
    const log = sarifLog(this.blockers, toolOf(settings.home), recipeFile);
    onPaper(() => writeSarif(artifacts, about.folder, log));
  }
}

/** A disk that is full or refuses must not hide what the tool said: that is told all the same. */
function onPaper(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}

/** What happened, the lines that matter, the cure as a command, where the log is. */
function explained(failure: Failure, blocker: Blocker, artifacts: string, log: string | undefined): Failure {
  const file = join(artifacts, blocker.log);
  const see = [file, ...(failure.see ?? []).filter((one) => one !== log)];
  if (blocker.code === 'unknown') return { ...failure, see };
  // A stage that knows the cure itself says it in its own words.
  const said = blocker.cure !== undefined && failure.fix.some((one) => one.includes(`\`${blocker.cure}\``));
  const cure = blocker.cure === undefined ? [] : [`Run: \`${blocker.cure}\``];
  const fix = said ? failure.fix : [...cure, ...blocker.advice, ...failure.fix];
  const own = (failure.evidence ?? []).filter((line) => !blocker.lines.includes(line.trimEnd()));
  return {
    ...failure,
    why: `${blocker.title} [${blocker.code}]. ${failure.why ?? blocker.because}`,
    fix: [...new Set(fix)],
    // Where a stage found out more than the tool said, that comes first.
    evidence: failure.code === 'build/undefined-symbols' ? [...own, ...blocker.lines] : blocker.lines,
    see,
  };
}

function textOf({ what, why, evidence = [], also = [] }: Failure): string {
  const further = also.flatMap((one) => [one.what, ...(one.evidence ?? [])]);
  return [what, ...(why === undefined ? [] : [why]), ...evidence, ...further].join('\n');
}
