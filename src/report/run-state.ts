import type { SampleResult } from '../domain/sample.ts';
import type { Event, ProgressUnit, StageName } from '../events.ts';

export type RowState = 'running' | 'done' | 'hit' | 'failed' | 'skipped' | 'stopped';

/** One stage that was started, as it stands. */
export interface Row {
  readonly stage: StageName;
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly started: number;
  state: RowState;
  /** Milliseconds, wall, once it is over. */
  ms?: number;
  detail?: string;
  readonly progress: Map<ProgressUnit, StageProgress>;
}

export type StageProgress = Extract<Event, { type: 'stage-progress' }>;

/** What every renderer knows of a run; changed by events only. */
export class RunState {
  readonly rows: Row[] = [];
  readonly failed: SampleResult[] = [];
  readonly notices: Extract<Event, { type: 'notice' }>[] = [];

  /** Takes an event in; returns the row that it changed. */
  apply(event: Event): Row | undefined {
    switch (event.type) {
      case 'stage-started': {
        const row: Row = {
          stage: event.stage,
          title: event.title,
          started: event.at,
          state: 'running',
          progress: new Map(),
        };
        this.rows.push(row);
        return row;
      }
      case 'stage-progress': {
        const row = this.#running(event.stage);
        row?.progress.set(event.unit, event);
        return row;
      }
      case 'stage-finished': {
        const row = this.#running(event.stage);
        if (row === undefined) return undefined;
        row.state = event.outcome;
        row.ms = event.at - row.started;
        if (event.detail !== undefined) row.detail = event.detail;
        return row;
      }
      case 'sample-finished':
        if (event.result.status === 'failed') this.failed.push(event.result);
        return this.#running('run');
      case 'notice':
        this.notices.push(event);
        return undefined;
      default:
        return undefined;
    }
  }

  /** Marks the stages that will not be finished any more. */
  stop(): void {
    for (const row of this.rows) if (row.state === 'running') row.state = 'stopped';
  }

  #running(stage: StageName): Row | undefined {
    return this.rows.findLast((row) => row.stage === stage && row.state === 'running');
  }
}
