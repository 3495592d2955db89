/** One test of a Rust program's test harness. */
export interface CargoTestResult {
  readonly [key: string]: string;
  /** `<test program>/<path of the test>`, e.g. `src/main.rs/tests::adds`. */
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** First lines of what a failed one said; why another one was left out; else empty. */
  readonly said: string;
}

/** A line of the harness (rustc's `libtest`): `test tests::adds ... ok`. */
const TEST = /^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:, (.*))?$/;
/** What cargo starts, on standard error: `     Running unittests src/main.rs (target/…)`. */
const RUNNING = /^\s+Running (?:unittests )?(\S+) \(/gm;

/** Reads what `cargo test` printed; where no program has such a harness, the exit status speaks for all of them. */
export function readTests(run: {
  readonly stdout: string;
  readonly stderr: string;
  readonly passed: boolean;
}): readonly CargoTestResult[] {
  const programs = [...run.stderr.matchAll(RUNNING)].map(([, name]) => name as string);
  const sections = run.stdout.split(/^running \d+ tests?$/m).slice(1);
  const tests = sections.flatMap((section, index) =>
    // A program with a harness of its own prints no such line: then it is not known which section is whose.
    readSection(
      section,
      programs.length === sections.length ? (programs[index] as string) : `tests-${index + 1}`,
    ),
  );
  // A program that dies takes the tests with it that were to come.
  if (!run.passed && !tests.some(({ status }) => status === 'failed')) {
    return [...tests, { name: 'cargo-test', status: 'failed', said: lastLines(run.stderr) }];
  }
  return tests.length === 0 ? [{ name: 'cargo-test', status: 'passed', said: '' }] : tests;
}

function readSection(section: string, program: string): readonly CargoTestResult[] {
  return section.split('\n').flatMap((line): readonly CargoTestResult[] => {
    const [, name, word, reason = ''] = TEST.exec(line.trimEnd()) ?? [];
    if (name === undefined) return [];
    const status = word === 'ok' ? 'passed' : word === 'FAILED' ? 'failed' : 'skipped';
    const said =
      status === 'failed' ? outputOf(section, name) : status === 'skipped' ? reason || 'ignored' : '';
    return [{ name: `${program}/${name}`, status, said }];
  });
}

/** What a failed test printed: the harness repeats it below `---- <name> stdout ----`. */
function outputOf(section: string, name: string): string {
  const start = section.indexOf(`---- ${name} stdout ----\n`);
  if (start < 0) return '';
  const from = section.slice(start).split('\n').slice(1);
  const end = from.findIndex((line) => line.startsWith('---- ') || line === 'failures:');
  return from
    .slice(0, end < 0 ? undefined : end)
    .filter((line) => line.trim() !== '')
    .slice(0, 20)
    .join('\n');
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-10).join('\n');
}
