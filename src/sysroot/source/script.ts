import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { distribution } from '../../distro/distribution.ts';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Exit, Sandbox } from '../../engine/engine.ts';
import { exitOf } from '../../engine/tool.ts';
import type { StageName } from '../../events.ts';
import type { Failure } from '../../failure.ts';
import { BUILD_PATHS, SERVE } from './build-context.ts';

export interface ScriptRun {
  readonly stage: StageName;
  /** Name of what is built, for messages and the log's name. */
  readonly name: string;
  /** Text of a POSIX shell script. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logs: string;
  /** Beginnings of lines of a tool that is a script of its own → the phase that begins there. */
  readonly phases?: Readonly<Record<string, string>>;
  /** Key of a report → lines that are counted for it: each as one, or as the number in its first group. */
  readonly counts?: Readonly<Record<string, RegExp>>;
}

/** What a script reports between the output of its tools: lines `::<key> <text>`. */
export type ScriptReports = ReadonlyMap<string, readonly string[]>;

/**
 * A function of the scripts: lets a configure script of autoconf run its test programs through $RUN_TARGET. Where it
 * cross-compiles, it would take the worst for granted instead. Autoconf 2.69 and later write each such check as a line
 * `if test "$cross_compiling" = yes` (2.69: with `; then :`), and have one place that starts a program, libtool another; other questions
 * about cross-compiling are written otherwise, and are answered as before. That programs can be started at all is
 * tried first: a check whose program does not start counts as failed.
 */
const ANSWER_BY_RUNNING = String.raw`answer_by_running() {
  echo 'int main(void) { return 42; }' > started.c
  # What cannot be compiled here cannot be compiled by configure either, and configure says why.
  "$CC" $CFLAGS $LDFLAGS started.c -o started || return 0
  status=0
  "$RUN_TARGET" ./started || status=$?
  [ "$status" = 42 ] || { echo "error: a program of the target ended with $status instead of 42: it cannot be run here"; exit 1; }
  rm started.c started
  sed -i -e 's/^\([[:space:]]*\)if test "\$cross_compiling" = yes\(; then :\)*$/\1if false\2/' \
    -e "s|ac_try='\(\./conftest\\\$ac_exeext'\)|ac_try='$RUN_TARGET \1|" \
    -e "s|(\./conftest; exit; )|($RUN_TARGET ./conftest; exit; )|" "$1"
  grep -q "ac_try='$RUN_TARGET " "$1" || { echo "error: $1 starts no program in the way of autoconf's"; exit 1; }
}
`;

/** What scripts begin with: they stop at the first failing command, and report their phase. */
const PRELUDE = `set -eu
phase() { echo "::phase $*"; }
say() { echo "::$*"; }
[ ! -e ${SERVE} ] || . ${SERVE}
${ANSWER_BY_RUNNING}`;

/**
 * Shell that unpacks an archive into `src` and applies patches of the distribution's archive by their names. Both
 * come from the locked source package.
 */
export function unpackStep(
  archives: { readonly upstream: string; readonly distribution?: string },
  patches: readonly string[],
): string {
  const { upstream, distribution: ownFiles } = archives;
  const lines = [
    'phase unpack',
    `cd ${BUILD_PATHS.build}`,
    'mkdir src',
    `tar -xf ${upstream} -C src --strip-components=1 --no-same-owner`,
  ];
  if (patches.length > 0 && ownFiles !== undefined) {
    lines.push('phase patch', `tar -xf ${ownFiles} --no-same-owner`);
    for (const patch of patches) {
      lines.push(
        `say patch ${patch}`,
        `patch -d src -p1 --batch --forward --silent < ${distribution.sources.patch(patch)}`,
      );
    }
  }
  return `${[...lines, `cd ${BUILD_PATHS.build}/src`].join('\n')}\n`;
}

/** Runs a script, its output in a log as it comes; a failure quotes the lines that matter. */
export async function runScript(
  context: Context,
  sandbox: Sandbox,
  run: ScriptRun,
): Promise<Result<ScriptReports>> {
  await mkdir(run.logs, { recursive: true });
  const file = join(run.logs, `${run.stage === 'libraries' ? 'library-' : ''}${run.name}.log`);
  // Written as it comes: it is there whatever becomes of us.
  const log = openSync(file, 'w');
  const follower = new Follower(context, run);
  context.emit({ type: 'command', stage: run.stage, line: `sh (the build of ${run.name})` });
  const command = {
    argv: ['sh', '-c', `exec 2>&1\n${PRELUDE}${run.script}`] as [string, ...string[]],
    env: run.env,
    cwd: BUILD_PATHS.build,
  };
  const exit = await sandbox.run({
    ...command,
    onOutput: (stream, chunk) => {
      writeSync(log, chunk);
      const text = Buffer.from(chunk).toString('utf8');
      context.emit({ type: 'stage-output', stage: run.stage, stream, text });
      follower.take(text);
    },
  });
  closeSync(log);
  if (!exit.ok) return exit;
  if (exit.value.status === 0 && exit.value.limit === undefined) return ok(follower.reports);
  context.emit({
    type: 'step-failed',
    step: {
      ...{ ...command, stage: run.stage, place: 'sandbox', log: file },
      doing: `Building ${run.name}, at "${follower.phase}"`,
      exit: exitOf(exit.value),
      ms: Math.round(exit.value.ms),
      output: follower.lines.join('\n'),
    },
  });
  return err(scriptFailure(run, exit.value, follower, file));
}

/** Lines kept for a failure. */
const KEPT_LINES = 4000;

/** Reads the output of a build line by line: its phase, its progress and its reports. */
class Follower {
  readonly reports = new Map<string, string[]>();
  readonly lines: string[] = [];
  phase = 'begin';
  readonly #context: Context;
  readonly #run: ScriptRun;
  #rest = '';
  #compiled = 0;
  #total: number | undefined;
  #lastProgress = 0;

  constructor(context: Context, run: ScriptRun) {
    this.#context = context;
    this.#run = run;
  }

  take(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const match = /^::([a-z-]+) ?(.*)$/.exec(line);
    if (match === null) {
      this.lines.push(line);
      this.#count(line);
      if (this.lines.length > KEPT_LINES) this.lines.splice(0, KEPT_LINES / 2);
      if (isCompilation(line)) this.#progress(++this.#compiled);
      const begun = Object.entries(this.#run.phases ?? {}).find(([text]) => line.startsWith(text));
      if (begun !== undefined) this.#begin(begun[1]);
      return;
    }
    const [, key = '', value = ''] = match;
    this.reports.set(key, [...(this.reports.get(key) ?? []), value]);
    if (key === 'total') this.#total = Number(value);
    // What follows is the log alone.
    if (key === 'config-log') this.lines.length = 0;
    if (key === 'phase') this.#begin(value);
  }

  #count(line: string): void {
    for (const [key, pattern] of Object.entries(this.#run.counts ?? {})) {
      const found = pattern.exec(line);
      if (found === null) continue;
      const before = Number(this.reports.get(key)?.[0] ?? 0);
      this.reports.set(key, [String(before + Number(found[1] ?? 1))]);
    }
  }

  #begin(phase: string): void {
    this.phase = phase;
    this.#compiled = 0;
    this.#total = undefined;
    this.#lastProgress = 0;
    this.#progress(0);
  }

  /** Emitted a few times a second at most. */
  #progress(done: number): void {
    const now = performance.now();
    if (done > 0 && now - this.#lastProgress < 200) return;
    this.#lastProgress = now;
    this.#context.emit({
      type: 'stage-progress',
      stage: this.#run.stage,
      done,
      unit: 'files',
      ...defined({ total: this.#total === undefined ? undefined : Math.max(this.#total, done) }),
      detail: `${this.#run.name}: ${this.phase}`,
    });
  }
}

function isCompilation(line: string): boolean {
  return / -c /.test(line) && / -o |\.c$|\.S$|\.s$/.test(line);
}

/** Words of strerror(3); a linker maps its output into memory, where a page that no disk has room for is a bus error. */
const FULL_DISK = /No space left on device|ENOSPC|(?:^|: |\] )Bus error(?: \(core dumped\))?$/;

/** Lines of a failing build that a failure quotes. */
const EVIDENCE_LINES = 40;

function scriptFailure(
  run: ScriptRun,
  exit: Exit,
  { lines, phase, reports }: Follower,
  log: string,
): Failure {
  const how = exit.signal === undefined ? `exit status ${exit.status}` : `signal ${exit.signal}`;
  const evidence = reports.has('config-log') ? configLogEvidence(lines) : makeEvidence(lines);
  if (lines.some((line) => FULL_DISK.test(line))) {
    return {
      code: 'store/no-space',
      what: `The disk is full: building ${run.name} stopped while it was at "${phase}".`,
      fix: [
        'Make room (`provision clean` removes what has not been used for long), then run the same command again.',
      ],
      evidence,
      see: [log],
    };
  }
  const patch = phase === 'patch' ? reports.get('patch')?.at(-1) : undefined;
  return {
    code: `build/${run.stage === 'rust-std' ? 'rust-std' : phase === 'configure' ? 'configure' : 'source'}`,
    what: `Building ${run.name} failed at "${patch === undefined ? phase : `patch ${patch}`}" with ${how}.`,
    fix: fixFor(phase),
    evidence,
    see: [log],
  };
}

function fixFor(phase: string): readonly string[] {
  if (phase === 'configure') {
    return [
      'Correct what configure stopped at: `configure`, `env` or the packages of the sysroot definition; then run the same command again.',
    ];
  }
  if (phase === 'patch') {
    return [
      `The patch does not fit the locked source: correct \`patches\` in the definition, in the order of \`${distribution.sources.patch('series')}\`.`,
    ];
  }
  return [
    'Correct what the lines below name, then run the same command again: what was finished before is kept.',
  ];
}

/**
 * The lines of a `config.log` that say why configure stopped: from its last test on, without the listing of the test
 * program (lines that begin with `|`) and the variables after it. Format: autoconf's manual, "config.log".
 */
export function configLogEvidence(lines: readonly string[]): readonly string[] {
  const variables = lines.findIndex((line) => /^## Cache variables\. ##$/.test(line));
  const body = lines.slice(0, variables > 0 ? variables - 1 : undefined);
  const last = body.findLastIndex((line) => /^configure:\d+: checking /.test(line));
  const errors = body.filter((line) => /^configure:\d+: error:|^configure: error:/.test(line));
  const block = body.slice(Math.max(last, 0)).filter((line) => !line.startsWith('|') && line.trim() !== '');
  return [...new Set([...block.slice(-EVIDENCE_LINES), ...errors])];
}

/** The first errors of a parallel make with what stands before them, and its last lines. */
export function makeEvidence(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) =>
    /(?:^|[\s:])(?:fatal )?error: |undefined (?:symbol|reference)|\*\*\* \[/.test(line),
  );
  if (first < 0) return lines.slice(-EVIDENCE_LINES);
  const head = lines.slice(Math.max(0, first - 2), first + EVIDENCE_LINES / 2);
  const tail = lines.slice(Math.max(first + EVIDENCE_LINES / 2, lines.length - EVIDENCE_LINES / 2));
  return [...head, ...tail].map((line) => (line.length > 400 ? `${line.slice(0, 400)}…` : line));
}
