import { shown } from './classify.ts';

/** What tools print beside their errors: settings that a build script looked for, instructions for cargo, progress. */
const NOISE = [
  /^\s*cargo::?(?!warning|error)[a-z-]+[=:]/,
  /^\s*[A-Za-z_][\w.-]* = (?:None|Some\(.*\))$/,
  /^\s*(?:TARGET|HOST|OPT_LEVEL|OUT_DIR|DEBUG|PROFILE|NUM_JOBS) = /,
  /^\s*(?:Compiling|Checking|Downloading|Downloaded|Fresh|Updating|Locking|Adding|Running|Blocking) \S/,
  /^\s*-- (?:The \w+ compiler|Detecting|Check for working|Looking for|Performing Test|Check size)/,
  /^checking .*\.\.\. ?\S*$/,
  /^\s*note: run with `RUST_BACKTRACE/,
  /^\s*warning: (?:build failed, waiting|unused|Failed to run rustfmt)/,
];

/** Where an error begins; what follows it up to an empty line belongs to it. */
const BEGINS = [
  /^\s*error(?:\[\w+\])?(?: occurred[\w -]*)?: /,
  /^\s*thread '[^']*'(?: \(\d+\))? panicked at /,
  /^\s*CMake Error/,
  /configure: error: /,
  /: (?:fatal )?error: /,
  /^\s*make(?:\[\d+\])?: \*\*\* /,
  /^\s*(?:[\w/.-]+: )+(?:command )?not found$/,
  /^\s*Traceback \(most recent call last\):/,
  /^\s*Caused by:$/,
];

/** Said by cargo of every build script that fails; the reason is what the script printed. */
const NOT_ENOUGH = /^\s*error: (?:failed to run custom build command|could not compile|aborting due to)/;

/** Lines after the beginning of an error that belong to it at most. */
const MOST_AFTER = 14;
/** Lines of the end that are shown where no error is found. */
const END = 40;

/** What a blocker that nobody knows shows: its errors without the noise around them; where there are none, the end. */
export function excerpt(output: string): readonly string[] {
  const lines = output
    .trimEnd()
    .split('\n')
    .filter((line) => !NOISE.some((one) => one.test(line)));
  const starts = lines.flatMap((line, index) => (BEGINS.some((one) => one.test(line)) ? [index] : []));
  const telling = starts.filter((index) => !NOT_ENOUGH.test(lines[index] as string));
  if (telling.length === 0) return shown(lines.slice(-END));
  const wanted = new Set<number>();
  for (const start of starts) for (const index of errorFrom(lines, start)) wanted.add(index);
  return shown([...wanted].sort((a, b) => a - b).map((index) => lines[index] as string));
}

function errorFrom(lines: readonly string[], start: number): readonly number[] {
  const after = lines.slice(start + 1, start + 1 + MOST_AFTER);
  const empty = after.findIndex((line) => line.trim() === '');
  const length = 1 + (empty === -1 ? after.length : empty);
  return Array.from({ length }, (_, index) => start + index);
}
