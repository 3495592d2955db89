/**
 * Where Docker shows containers its process 1 (tini). Called once more inside, as `-s` (reaps what it is given) and `-v`
 * (verbose), it writes to standard output how its child ended: the only way to learn whether a status of 139 was a signal or
 * the program's own. Both its lines come in one piece after everything else, for they stay in its buffer until it ends.
 */
export const REPORTER = ['/sbin/docker-init', '-s', '-v', '--'] as const;

const MARK = '[INFO  tini (';
/** `Spawned child process '<program>' with pid '<n>'`, then the end. Source: tini.c, PRINT_INFO. */
const REPORT =
  /\[INFO {2}tini \(\d+\)\] Spawned child process '[\s\S]*?' with pid '\d+'\n\[INFO {2}tini \(\d+\)\] Main child exited (normally|with signal) \(with (?:status|signal) '[^'\n]*'\)\n$/;
/** Bytes that a report can have: two lines, of which one names a program. */
const LONGEST = 8192;

export type Ending = 'by itself' | 'by a signal' | 'unknown';

/** Lets standard output through and keeps back what may be the report, until it is known. */
export class ReportFilter {
  readonly #pass: (chunk: Buffer) => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(pass: (chunk: Buffer) => void) {
    this.#pass = pass;
  }

  add(chunk: Buffer): void {
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const from = Math.max(0, all.length - LONGEST);
    const found = all.indexOf(MARK, from);
    const keep = found >= 0 ? found : all.length - beginning(all);
    this.#held = all.subarray(keep);
    if (keep > 0) this.#pass(all.subarray(0, keep));
  }

  /** Called at the end of the stream: passes on what was kept back and is no report. */
  end(): Ending {
    const text = this.#held.toString('latin1');
    const match = REPORT.exec(text);
    const rest = this.#held.subarray(0, match?.index ?? this.#held.length);
    this.#held = Buffer.alloc(0);
    if (rest.length > 0) this.#pass(rest);
    if (match === null) return 'unknown';
    return match[1] === 'normally' ? 'by itself' : 'by a signal';
  }
}

/** How many bytes at the end may be the beginning of the mark. */
function beginning(bytes: Buffer): number {
  for (let length = Math.min(MARK.length - 1, bytes.length); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).toString('latin1') === MARK.slice(0, length)) return length;
  }
  return 0;
}
