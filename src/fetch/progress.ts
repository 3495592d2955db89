import type { Emit, StageName } from '../events.ts';

/** Milliseconds between two events. */
const INTERVAL_MS = 100;
/** Milliseconds the rate looks back. */
const WINDOW_MS = 3000;

/** Reports how far the downloads of one call are: bytes, and their rate over the last seconds. */
export class Progress {
  readonly #emit: Emit;
  readonly #stage: StageName;
  readonly #total: number;
  readonly #offsets = new Map<string, number>();
  #done = 0;
  /** Bytes that came from elsewhere: kept from an earlier run. They are done, and no part of the rate. */
  #kept = 0;
  #last = 0;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  constructor(emit: Emit, stage: StageName, total: number) {
    this.#emit = emit;
    this.#stage = stage;
    this.#total = total;
  }

  /** A file has this many bytes now. The first call for a file gives what was there before. */
  at(key: string, offset: number): void {
    const before = this.#offsets.get(key);
    this.#offsets.set(key, offset);
    this.#done += offset - (before ?? 0);
    if (before === undefined) this.#kept += offset;
    const now = performance.now();
    if (now - this.#last >= INTERVAL_MS) this.#report(now);
  }

  /** Reports the last state, however recent the event before it. */
  finish(): void {
    this.#report(performance.now());
  }

  #report(now: number): void {
    this.#last = now;
    this.#samples.push({ at: now, bytes: this.#done - this.#kept });
    this.#samples = this.#samples.filter(({ at }) => now - at <= WINDOW_MS);
    const [first] = this.#samples;
    const seconds = first === undefined ? 0 : (now - first.at) / 1000;
    const rate = first === undefined || seconds === 0 ? 0 : (this.#done - this.#kept - first.bytes) / seconds;
    this.#emit({
      type: 'stage-progress',
      stage: this.#stage,
      done: this.#done,
      total: this.#total,
      unit: 'bytes',
      ...(rate > 0 ? { rate } : {}),
    });
  }
}
