import {
  type DefaultRenderer,
  Listr,
  ListrLogger,
  type ListrTaskFn,
  ProcessOutput,
  type SimpleRenderer,
} from 'listr2';
import type { Streams } from './renderer.ts';
import { contentColumns, MAX_SAMPLES, rowText, sampleLines } from './rows.ts';
import type { Row, RunState } from './run-state.ts';
import { painter } from './text.ts';

/** Milliseconds between two looks at the state. */
const REFRESH_MS = 200;
/** Stages that can be shown. The library takes no tasks once it runs, so there are tasks in waiting, without a title. */
const MAX_ROWS = 32;

export interface LiveView {
  /** Draws the outcome and gives the terminal back. */
  end(): Promise<void>;
}

type Task = Parameters<ListrTaskFn<unknown, typeof DefaultRenderer, typeof SimpleRenderer>>[1];
type Outcome = 'done' | 'failed' | 'stopped';

/** A task in waiting: hidden until it has a title, over when it is settled. */
interface Slot {
  task?: Task;
  title?: string;
  settled: boolean;
  readonly settle: (outcome: Outcome) => void;
  readonly outcome: Promise<Outcome>;
}

/** Shows the state with listr2, which draws tasks that it drives itself: each waits here for its stage to be over. */
export function startView(state: RunState, streams: Streams, now: () => number): LiveView {
  const stages = Array.from({ length: MAX_ROWS }, newSlot);
  const samples = Array.from({ length: MAX_SAMPLES + 1 }, newSlot);
  const update = (): void => {
    const columns = contentColumns(streams);
    for (const [index, row] of state.rows.slice(0, MAX_ROWS).entries()) {
      show(stages[index] as Slot, rowText(row, now(), columns), outcomeOf(row));
    }
    // The last of these counts what is left, so it stays open to the end.
    for (const [index, text] of sampleLines(state, columns).entries()) {
      show(samples[index] as Slot, text, index < MAX_SAMPLES ? 'failed' : undefined);
    }
  };
  const running = runList([...stages, ...samples], streams);
  const timer = setInterval(update, REFRESH_MS);
  update();
  return {
    end: async () => {
      clearInterval(timer);
      update();
      for (const slot of samples) settle(slot, slot.title === undefined ? 'done' : 'failed');
      for (const slot of stages) settle(slot, 'done');
      await running;
    },
  };
}

function newSlot(): Slot {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  return { settled: false, settle: resolve, outcome: promise };
}

function outcomeOf(row: Row): Outcome | undefined {
  if (row.state === 'running') return undefined;
  if (row.state === 'skipped') return 'stopped';
  return row.state === 'hit' ? 'done' : row.state;
}

function show(slot: Slot, title: string, outcome: Outcome | undefined): void {
  if (slot.settled) return;
  if (slot.title !== title) {
    slot.title = title;
    if (slot.task !== undefined) slot.task.title = title;
  }
  if (outcome !== undefined) settle(slot, outcome);
}

function settle(slot: Slot, outcome: Outcome): void {
  if (slot.settled) return;
  slot.settled = true;
  slot.settle(outcome);
}

function runList(slots: readonly Slot[], streams: Streams): Promise<unknown> {
  const paint = painter(streams.color);
  const none = (text?: string): string => text ?? '';
  const list = new Listr(
    slots.map((slot) => ({
      task: async (_context: unknown, task: Task) => {
        slot.task = task;
        if (slot.title !== undefined) task.title = slot.title;
        const outcome = await slot.outcome;
        if (outcome === 'stopped') task.skip();
        if (outcome === 'failed') throw new Error(slot.title);
      },
    })),
    {
      concurrent: true,
      // The command prints the failure; the other stages are shown to their end.
      exitOnError: false,
      // Ctrl-C is the program's: it ends the stages and then this view.
      registerSignalListeners: false,
      rendererOptions: {
        logger: new ListrLogger({
          processOutput: new ProcessOutput(streams.out, streams.err, { leaveEmptyLine: false }),
        }),
        formatOutput: 'truncate',
        showErrorMessage: false,
        collapseErrors: false,
        showSkipMessage: false,
        icon: { COMPLETED: '✔', FAILED: '✖', SKIPPED_WITH_COLLAPSE: '↓' },
        color: {
          PENDING: (text) => paint('yellow', text ?? ''),
          COMPLETED: (text) => paint('green', text ?? ''),
          FAILED: (text) => paint('red', text ?? ''),
          SKIPPED_WITH_COLLAPSE: (text) => paint('yellow', text ?? ''),
          WAITING: none,
        },
      },
    },
  );
  return list.run();
}
