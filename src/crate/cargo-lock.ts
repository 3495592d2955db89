import { defined } from '../domain/defined.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { parseToml } from './toml.ts';

const MARKER = /^(?:<{7}|\|{7}|={7}|>{7})(?: .*)?$/;

/** The failure for the text of a `Cargo.lock` that is no TOML; undefined where it is. What else cargo wants of it, cargo says. */
export function brokenCargoLock(file: string, text: string): Failure | undefined {
  const parsed = parseToml(text);
  if (parsed.ok) return undefined;
  const lines = text.split(/\r?\n/);
  const marker = lines.findIndex((line) => MARKER.test(line));
  if (marker !== -1)
    return conflict({ file, line: marker + 1, column: 1, ...defined({ text: lines[marker] }) });
  const { line, column, message } = parsed.error;
  return badCargoLock(message, { file, line, column, ...defined({ text: lines[line - 1] }) });
}

/** `at` is absent where cargo names no line. */
export function badCargoLock(reason: string, at: SourcePosition | undefined): Failure {
  return {
    code: 'recipe/bad-cargo-lock',
    what: `Cargo.lock cannot be read: ${reason}.`,
    fix: [
      'Take back the one that was committed, and run `cargo update --workspace`, which adds what it lacks.',
      'Or make it anew, with the newest crates that Cargo.toml allows: `cargo generate-lockfile`.',
    ],
    ...defined({ at }),
  };
}

function conflict(at: SourcePosition): Failure {
  return {
    code: 'recipe/bad-cargo-lock',
    what: 'Cargo.lock has the conflict markers of a merge.',
    fix: [
      'Take one side of it (`git checkout --ours Cargo.lock`, or `--theirs`), run `cargo update --workspace`, which adds what the other has, and commit it.',
      'If the markers were committed: `cargo generate-lockfile` makes it anew, with the newest crates that Cargo.toml allows.',
    ],
    at,
  };
}
