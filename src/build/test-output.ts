/** One test of a Rust program's test harness. */
export interface CargoTestResult {
  readonly [key: string]: string;
  /** `<test program>/<path of the test>`, e.g. `src/main.rs/tests::adds`. */
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** First lines of a failed test's output; the reason of a skipped one; else empty. */
  readonly said: string;
}

/** A line of the harness (rustc's `libtest`): `test tests::adds ... ok`. */
const TEST = /^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:, (.*))?$/;
/** The test program that cargo starts, on standard error: `     Running unittests src/main.rs (target/…)`. */
const RUNNING = /^\s+Running (?:unittests )?(\S+) \(/gm;

/** Parses the output of `cargo test`; without output of the libtest harness the exit status is the only result. */
export function readTests(run: {
  readonly stdout: string;
  readonly stderr: string;
  readonly passed: boolean;
}): readonly CargoTestResult[] {
  const programs = [...run.stderr.matchAll(RUNNING)].map(([, name]) => name as string);
  const sections = run.stdout.split(/^running \d+ tests?$/m).slice(1);
  const tests = sections.flatMap((section, index) =>
    // A program with a custom harness prints no such line: then the sections cannot be assigned to programs.
    readSection(
      section,
      programs.length === sections.length ? (programs[index] as string) : `tests-${index + 1}`,
    ),
  );
  // A program that crashes prints no result for the tests that it did not reach.
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

/** The output of a failed test, which the harness repeats below `---- <name> stdout ----`. */
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
