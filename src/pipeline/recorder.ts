import type { Notice, StageReport } from '../domain/report.ts';
import { err, type Result } from '../domain/result.ts';
import type { Emit, Event, StageName } from '../events.ts';
import type { Failure } from '../failure.ts';
import type { BlockerBook } from './blockers.ts';

/** What a stage's work says about itself when it is done. */
export interface StageSummary {
  readonly hit: boolean;
  readonly detail: string;
}

/** Hears every event on its way to the screen and keeps what the report tells. */
export class Recorder {
  readonly stages: StageReport[] = [];
  readonly notices: Notice[] = [];
  /** Where failing steps are written down; there from the moment on when it is known what is provisioned. */
  book: BlockerBook | undefined;
  readonly #emit: Emit;
  readonly #began = performance.now();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  readonly emit: Emit = (event: Event): void => {
    if (event.type === 'step-failed') this.book?.hear(event.step);
    if (event.type === 'notice')
      this.notices.push({ level: event.level, code: event.code, message: event.message });
    this.#emit(event);
  };

  /** Runs a stage between its two events. */
  async stage<T>(
    name: StageName,
    title: string,
    work: () => Promise<Result<T>>,
    summarize: (value: T) => StageSummary,
  ): Promise<Result<T>> {
    const started = performance.now();
    this.emit({ type: 'stage-started', stage: name, title, at: Date.now() });
    const ended = await work();
    const result = ended.ok ? ended : err(this.book?.explain(name, ended.error) ?? ended.error);
    const ms = Math.round(performance.now() - started);
    const summary = result.ok ? summarize(result.value) : { hit: false, detail: shortly(result.error) };
    const outcome = result.ok ? (summary.hit ? 'hit' : 'done') : 'failed';
    const start = Math.round(started - this.#began);
    this.stages.push({ name, outcome, start, ms, detail: summary.detail });
    this.emit({ type: 'stage-finished', stage: name, outcome, at: Date.now(), detail: summary.detail });
    return result;
  }
}

function shortly(failure: Failure): string {
  return failure.what;
}
