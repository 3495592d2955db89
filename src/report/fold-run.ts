import type { Notice, StageReport } from '../domain/report.ts';
import type { Emit, Event, Facts, PlannedRun, StageName } from '../events.ts';

/** What is known of a run from its events, however far it came. */
export interface RunRecord {
  /** Absent where not even the recipe was understood. */
  readonly planned?: PlannedRun;
  readonly facts: Facts;
  /** Stages that are over, in the order in which they ended. */
  readonly stages: readonly StageReport[];
  readonly notices: readonly Notice[];
  /** Stages that run, the one that began last at the end. */
  readonly running: readonly { readonly stage: StageName; readonly at: number }[];
  /** When the run began: milliseconds since the epoch. */
  readonly began: number;
}

const NOTHING: RunRecord = { facts: {}, stages: [], notices: [], running: [], began: 0 };

/** A run, folded from its events. Pure: the same events give the same record. */
export function foldRun(began: number, events: readonly Event[]): RunRecord {
  return events.reduce(afterEvent, { ...NOTHING, began });
}

/** Folds the events that pass through `emit`; `record` is the run as far as it has come. */
export function recordRun(
  began: number,
  emit: Emit,
): { readonly emit: Emit; readonly record: () => RunRecord } {
  let record = foldRun(began, []);
  return {
    record: () => record,
    emit: (event) => {
      record = afterEvent(record, event);
      emit(event);
    },
  };
}

function afterEvent(record: RunRecord, event: Event): RunRecord {
  switch (event.type) {
    case 'planned':
      return { ...record, planned: event.run, facts: {} };
    case 'facts':
      return { ...record, facts: withFacts(record.facts, event.facts) };
    case 'stage-started': {
      const { stage, at } = event;
      return { ...record, running: [...record.running, { stage, at }] };
    }
    case 'stage-finished':
      return afterStage(record, event);
    case 'notice': {
      const { level, code, message } = event;
      return { ...record, notices: [...record.notices, { level, code, message }] };
    }
    default:
      return record;
  }
}

function withFacts(before: Facts, more: Facts): Facts {
  return {
    ...before,
    ...more,
    downloaded: (before.downloaded ?? 0) + (more.downloaded ?? 0),
    unpacked: (before.unpacked ?? 0) + (more.unpacked ?? 0),
  };
}

function afterStage(record: RunRecord, event: Extract<Event, { type: 'stage-finished' }>): RunRecord {
  const index = record.running.findLastIndex(({ stage }) => stage === event.stage);
  const started = record.running[index];
  if (started === undefined) return record;
  const { stage: name, outcome, at, detail = '' } = event;
  // The machine's clock may be set in between.
  const start = Math.max(0, started.at - record.began);
  const ms = Math.max(0, at - started.at);
  return {
    ...record,
    running: record.running.toSpliced(index, 1),
    stages: [...record.stages, { name, outcome, start, ms, detail }],
  };
}
