import type { SampleResult } from '../domain/sample.ts';
import type { Runs } from './result.ts';

/** A difference that has a known cause in the program, with what mends it. */
export type Explanation = Required<Pick<SampleResult, 'reason' | 'cures'>>;

/** What to do in a program that never ends its interpreter; either is enough. */
export const FLUSH_CURES: readonly string[] = [
  'In the Python code: `sys.stdout.flush()` after the last output, or `print(…, flush=True)`.',
  'Or end the interpreter as the last thing in `main`: `unsafe { pyo3::ffi::PyGILState_Ensure(); pyo3::ffi::Py_FinalizeEx(); }`.',
];

const REASON =
  'what Python printed last is missing: it was in the buffer of `sys.stdout` when the program ended, and nothing ended the interpreter (PyO3 starts it and never does)';

/**
 * Explains a run that ended well, printed nothing that was not expected, and left lines out. Python buffers standard
 * output where it is a pipe and writes the rest in `Py_FinalizeEx`, which a program that leaves the start of Python to PyO3
 * does not call. What Rust prints itself is not lost: lines may be missing anywhere.
 */
export function explainUnflushed({ reference, target }: Runs): Explanation | undefined {
  const ended = (run: Runs['target']): boolean =>
    run.end === 'itself' && 'status' in run.exit && run.exit.status === 0;
  if (!ended(reference) || !ended(target)) return undefined;
  if (Buffer.compare(reference.stderr, target.stderr) !== 0) return undefined;
  const missing = leavesOut(Buffer.from(target.stdout), Buffer.from(reference.stdout));
  return missing ? { reason: REASON, cures: FLUSH_CURES } : undefined;
}

/** The same of a failed assertion of a Rust test, as `assert_eq!` prints both sides. */
export function explainUnflushedTest(said: string): Explanation | undefined {
  const [left, right] = ['left', 'right'].map((side) => sideOf(said, side));
  if (left === undefined || right === undefined || left === right) return undefined;
  const missing = left.length < right.length ? right.startsWith(left) : left.startsWith(right);
  return missing ? { reason: REASON, cures: FLUSH_CURES } : undefined;
}

/** Text or bytes, without the quotes or brackets around them. */
function sideOf(said: string, side: string): string | undefined {
  return new RegExp(`^\\s*${side}: (?:"(.*)"|\\[(.*)\\])$`, 'm')
    .exec(said)
    ?.slice(1)
    .find((one) => one !== undefined);
}

/** Whether something is missing of `whole`, and what is there is its beginning or consists of its lines, in their order. */
function leavesOut(part: Buffer, whole: Buffer): boolean {
  if (part.length >= whole.length) return false;
  if (whole.subarray(0, part.length).equals(part)) return true;
  const lines = part.toString('latin1').split(/(?<=\n)/);
  let at = 0;
  for (const line of whole.toString('latin1').split(/(?<=\n)/)) if (line === lines[at]) at += 1;
  return at === lines.length;
}
