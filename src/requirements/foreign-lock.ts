import { defined } from '../domain/defined.ts';
import type { Failure } from '../failure.ts';
import type { Collected } from './collect.ts';
import { holds, type MarkerEnvironment, parseMarker } from './marker.ts';
import type { TomlFile } from './toml-file.ts';

/** A lock that another tool wrote, while it is read. */
export interface ForeignLock {
  readonly collected: Collected;
  readonly toml: TomlFile;
  /** How to have it written once more: a sentence. */
  readonly rewrite: string;
}

/** Whether a marker holds; one that is none is a failure with its place, and does not hold. */
export function markerHolds(
  { collected, toml, rewrite }: ForeignLock,
  text: string,
  environment: MarkerEnvironment,
): boolean {
  const marker = parseMarker(text);
  if (marker.ok) return holds(marker.value, environment);
  const start = toml.locate(text);
  collected.fail({
    code: 'recipe/requirement-syntax',
    what: `This is no marker: ${marker.error.message}.`,
    fix: [rewrite],
    at: { ...start, column: start.column + marker.error.offset },
  });
  return false;
}

/** A package of which the lock has no wheel: its source alone, or a repository. */
export function withoutWheel(name: string, repository: boolean, at: Failure['at']): Failure {
  return {
    code: 'recipe/lock-source',
    what: repository
      ? `\`${name}\` comes from a repository, which is not fetched here.`
      : `The lock has no wheel of \`${name}\`, only its source.`,
    fix: [
      `Build it once (\`pip wheel --no-deps ${name}\`) and name the wheel by its path, or its source by the path of the archive.`,
    ],
    ...defined({ at }),
  };
}

/** A version of the format that is not read. `version` is empty where the file states none. */
export function otherVersion(
  toml: TomlFile,
  {
    version,
    key,
    read,
    fix,
  }: { readonly version: string; readonly key: string; readonly read: string; readonly fix: string },
): Failure {
  return {
    code: 'recipe/pylock-version',
    what:
      version === ''
        ? `The file has no \`${key}\`: it is no lock of this format.`
        : `The lock has version ${version} of its format; ${read} is read here.`,
    fix: [fix],
    at: toml.locate(key),
  };
}
