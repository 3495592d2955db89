import { compareVersions } from './versions.ts';

/** In source packages (Debian Policy, 4.4), and in packages (12.7): those of Debian's own software have only the last one. */
const CHANGELOGS = [
  /^(?:[^/]+\/)?debian\/changelog$/,
  /^usr\/share\/doc\/[^/]+\/changelog\.Debian\.gz$/,
  /^usr\/share\/doc\/[^/]+\/changelog\.gz$/,
];

export function changelogIn(names: readonly string[]): string | undefined {
  for (const pattern of CHANGELOGS) {
    const found = names.find((name) => pattern.test(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The head of an entry: `openssl (3.5.7-1~deb13u2) trixie; urgency=medium` (deb-changelog(5)). */
function versionOfEntry(line: string): string | undefined {
  return /^[a-z0-9][a-z0-9+.-]* \(([^() \t]+)\)/i.exec(line)?.[1];
}

export function newestIn(changelog: string): string | undefined {
  return changelog.split('\n', 100).flatMap((line) => versionOfEntry(line) ?? [])[0];
}

/** A package that was rebuilt from the same source has a number of its own after the version: `+b1`. */
export function withoutRebuild(version: string): string {
  return version.replace(/\+b\d+$/, '');
}

/** The epoch is in no file name, and so in no version that is read from one. */
export function withoutEpoch(version: string): string {
  return version.replace(/^\d+:/, '');
}

/**
 * Vulnerabilities by the entries of a changelog that come after a version, each once, by year and number. Format: deb-changelog(5); the newest
 * entry is the first.
 */
export function fixesAfter(changelog: string, after: string): readonly string[] {
  const found = new Set<string>();
  for (const line of changelog.split('\n')) {
    const version = versionOfEntry(line);
    if (version !== undefined && compareVersions(withoutEpoch(version), withoutEpoch(after)) <= 0) break;
    for (const [number] of line.matchAll(/CVE-\d{4}-\d{4,}/g)) found.add(number);
  }
  return [...found].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}
