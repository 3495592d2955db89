import type { Diagnostics } from '../diagnose/diagnostics.ts';
import { err, type Result } from '../domain/result.ts';
import type { Emit, Event, StageName } from '../events.ts';

/** A finished stage in a few words. */
export interface StageSummary {
  readonly hit: boolean;
  readonly detail: string;
}

/** Emits the events of a run; what fails on the way is recorded by its diagnostics, where it has any. */
export class Recorder {
  readonly #emit: Emit;
  readonly #diagnostics: Diagnostics | undefined;

  constructor(emit: Emit, diagnostics?: Diagnostics) {
    this.#emit = emit;
    this.#diagnostics = diagnostics;
  }

  readonly emit: Emit = (event: Event): void => {
    if (event.type === 'step-failed') this.#diagnostics?.record(event.step);
    this.#emit(event);
  };

  /** A stage that this run has no use for, and why. */
  skip(name: StageName, title: string, detail: string): void {
    this.emit({ type: 'stage-started', stage: name, title, at: Date.now() });
    this.emit({ type: 'stage-finished', stage: name, outcome: 'skipped', at: Date.now(), detail });
  }

  /** Runs a stage between its two events. */
  async stage<T>(
    name: StageName,
    title: string,
    work: () => Promise<Result<T>>,
    summarize: (value: T) => StageSummary,
  ): Promise<Result<T>> {
    this.emit({ type: 'stage-started', stage: name, title, at: Date.now() });
    const ended = await work();
    const result = ended.ok ? ended : err(this.#diagnostics?.explain(name, ended.error) ?? ended.error);
    const summary = result.ok ? summarize(result.value) : { hit: false, detail: result.error.what };
    const outcome = result.ok ? (summary.hit ? 'hit' : 'done') : 'failed';
    this.emit({ type: 'stage-finished', stage: name, outcome, at: Date.now(), detail: summary.detail });
    return result;
  }
}
