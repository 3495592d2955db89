import type { Event, StageName } from '../events.ts';
import type { Renderer, Streams } from './renderer.ts';
import { detailText, duration, progressText, sampleText } from './rows.ts';
import { type Row, RunState } from './run-state.ts';
import { type Paint, painter, printable } from './text.ts';

/** Milliseconds between two lines of progress of one stage. */
const PROGRESS_EVERY_MS = 10_000;

/** One line for each thing that happens: for pipes, files and CI. No line is ever changed afterwards. */
export function plainRenderer(streams: Streams): Renderer {
  const lines = new PlainLines(streams);
  return {
    emit: (event) => {
      for (const line of lines.of(event)) streams.out.write(`${line}\n`);
    },
    finish: async () => {
      for (const line of lines.unfinished()) streams.out.write(`${line}\n`);
    },
  };
}

/** What happens as lines; `unfinished` gives what programs have begun to print when nothing more comes. */
export class PlainLines {
  readonly #streams: Streams;
  readonly #now: () => number;
  readonly #paint: Paint;
  readonly #state = new RunState();
  /** When a stage's progress was last printed. */
  readonly #printed = new Map<Row, number>();
  readonly #output = new PartialLines();

  constructor(streams: Streams) {
    this.#streams = streams;
    this.#now = streams.now ?? Date.now;
    this.#paint = painter(streams.color);
  }

  of(event: Event): readonly string[] {
    const row = this.#state.apply(event);
    const { verbose, color } = this.#streams;
    switch (event.type) {
      case 'stage-started':
        return [`${this.#label(event.stage)} ${printable(event.title)}`];
      case 'stage-progress':
        return row === undefined ? [] : this.#progress(row);
      case 'stage-finished':
        return row === undefined ? [] : [...this.unfinished(event.stage), this.#finished(row)];
      case 'sample-finished': {
        const { result } = event;
        return result.status === 'failed'
          ? [`${this.#label('run')} ${this.#paint('red', 'failed')} ${sampleText(result)}`]
          : [];
      }
      case 'notice':
        return [noticeText(event, color)];
      case 'command':
        return verbose ? [`${this.#label(event.stage)} $ ${printable(event.line)}`] : [];
      case 'stage-output':
        return verbose ? this.#output.add(event.stage, event.stream, event.text) : [];
      default:
        return [];
    }
  }

  /** Output of programs that has no newline yet, of one stage or of all. */
  unfinished(stage?: StageName): readonly string[] {
    return this.#output.end(stage);
  }

  #progress(row: Row): readonly string[] {
    if (this.#now() - (this.#printed.get(row) ?? row.started) < PROGRESS_EVERY_MS) return [];
    this.#printed.set(row, this.#now());
    return [`${this.#label(row.stage)} ${progressText(row)}`];
  }

  #finished(row: Row): string {
    if (row.state === 'hit')
      return `${this.#label(row.stage)} ${[this.#paint('green', 'cached'), detailText(row)].filter(Boolean).join(', ')}`;
    if (row.state === 'skipped')
      return `${this.#label(row.stage)} ${[this.#paint('yellow', 'skipped'), detailText(row)].filter(Boolean).join(', ')}`;
    const word = row.state === 'failed' ? this.#paint('red', 'failed') : this.#paint('green', 'done');
    return `${this.#label(row.stage)} ${[word, detailText(row)].filter(Boolean).join(', ')} (${duration(row.ms ?? 0)})`;
  }

  #label(stage: StageName): string {
    return this.#paint('bold', `${stage}:`);
  }
}

/** `warning: …` with its code, which can be searched for. */
export function noticeText(notice: Extract<Event, { type: 'notice' }>, color: boolean): string {
  const paint = painter(color);
  const head = notice.level === 'warning' ? paint('yellow', 'warning:') : paint('cyan', 'note:');
  const message = printable(notice.message).replaceAll('\n', ' ');
  return `${head} ${LISTS.has(notice.code) ? shortened(message) : message} ${paint('dim', `[${notice.code}]`)}`;
}

/** Notes that list what a shipped Python is known for. What somebody's own files ask for is always shown whole. */
const LISTS: ReadonlySet<string> = new Set(['sysroot/differences', 'sysroot/module-missing']);

/** Characters of such a note. */
const MOST = 320;

/** The first entries of a long list; the report has all. */
function shortened(message: string): string {
  const end = message.lastIndexOf('; ', MOST);
  if (message.length <= MOST || end <= 0) return message;
  const more = message.slice(end).split('; ').length - 1;
  return `${message.slice(0, end)}; and ${more} more (report.json).`;
}

/** Output of programs, which comes in pieces, as whole lines. */
class PartialLines {
  readonly #rest = new Map<string, { readonly stage: StageName; readonly text: string }>();

  add(stage: StageName, stream: string, text: string): readonly string[] {
    const key = `${stage} ${stream}`;
    const lines = ((this.#rest.get(key)?.text ?? '') + text).split('\n');
    this.#rest.set(key, { stage, text: lines.pop() as string });
    return lines.map((line) => outputLine(stage, line));
  }

  end(wanted: StageName | undefined): readonly string[] {
    const rest = [...this.#rest].filter(([, { stage }]) => wanted === undefined || stage === wanted);
    for (const [key] of rest) this.#rest.delete(key);
    return rest.filter(([, { text }]) => text !== '').map(([, { stage, text }]) => outputLine(stage, text));
  }
}

function outputLine(stage: StageName, line: string): string {
  // What a progress bar has overwritten is not worth a line.
  return `${stage} | ${printable(line.replace(/\r$/, '').split('\r').at(-1) as string)}`;
}
