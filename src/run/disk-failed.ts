import type { Run } from './observe.ts';

/** `EIO` in the words of the C libraries, of Python and of Rust. */
const SAID = /Input\/output error|I\/O error|\[Errno 5\]|\(os error 5\)/;

/**
 * Whether a program met a disk that failed: it says so, or was ended for a page of a file that could not be read. How it went
 * is then no property of the program, and is not to be kept. One that prints such words for reasons of its own is run each time.
 */
export function diskFailed({ stdout, stderr, exit }: Pick<Run, 'stdout' | 'stderr' | 'exit'>): boolean {
  if ('signal' in exit && exit.signal === 'SIGBUS') return true;
  return [stdout, stderr].some((output) => SAID.test(Buffer.from(output).toString('latin1')));
}
