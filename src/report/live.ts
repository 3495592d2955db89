import type { LiveView } from './live-view.ts';
import { noticeText } from './plain.ts';
import type { Renderer, Streams } from './renderer.ts';
import { contentColumns, rowText, sampleLines } from './rows.ts';
import { type RowState, RunState } from './run-state.ts';
import { painter } from './text.ts';

/** A run that is over sooner shows its outcome only: nothing flickers, and the library need not be loaded. */
const SHOW_AFTER_MS = 250;

/** Stages as they run side by side, on a terminal. */
export function liveRenderer(streams: Streams): Renderer {
  const now = streams.now ?? Date.now;
  const state = new RunState();
  let view: Promise<LiveView> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const show = (): void => {
    // Loaded here, when it is needed: the library takes longer than a warm run's whole output.
    view = import('./live-view.ts').then(({ startView }) => startView(state, streams, now));
  };
  return {
    emit: (event) => {
      state.apply(event);
      if (event.type === 'stage-started') timer ??= setTimeout(show, SHOW_AFTER_MS);
    },
    finish: async () => {
      clearTimeout(timer);
      state.stop();
      if (view === undefined) streams.out.write(staticRows(state, streams, now()));
      else await (await view).end();
      for (const notice of state.notices) streams.out.write(`${noticeText(notice, streams.color)}\n`);
    },
  };
}

const ICONS: Readonly<Record<Exclude<RowState, 'running'>, readonly ['green' | 'red' | 'yellow', string]>> = {
  done: ['green', '✔'],
  hit: ['green', '✔'],
  failed: ['red', '✖'],
  skipped: ['yellow', '↓'],
  stopped: ['yellow', '↓'],
};

/** What the live view leaves behind, without one. */
function staticRows(state: RunState, streams: Streams, now: number): string {
  const paint = painter(streams.color);
  const columns = contentColumns(streams);
  const line = (state: RowState, text: string): string => {
    const [color, icon] = ICONS[state as keyof typeof ICONS];
    return `${paint(color, icon)} ${text}\n`;
  };
  const rows = state.rows.map((row) => line(row.state, rowText(row, now, columns)));
  return [...rows, ...sampleLines(state, columns).map((text) => line('failed', text))].join('');
}
