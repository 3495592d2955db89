/** A version as PEP 440 orders it. */
export interface Version {
  readonly epoch: number;
  readonly release: readonly number[];
  /** Rank of the phase (development, alpha, beta, candidate, final, post) and its numbers. */
  readonly rank: readonly number[];
  readonly local: readonly (string | number)[];
}

const PATTERN =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;

const PHASES: Readonly<Record<string, number>> = { a: 1, alpha: 1, b: 2, beta: 2 };

/** Reads a version (PEP 440, appendix B); undefined where the text is none. */
export function parseVersion(text: string): Version | undefined {
  const found = PATTERN.exec(text.trim().toLowerCase());
  if (found === null) return undefined;
  const [, epoch, release = '', phase, phaseNumber, dashed, post, postNumber, dev, devNumber, local] = found;
  const after = dashed ?? (post === undefined ? undefined : postNumber || '0');
  // A development release comes before everything else of its release (PEP 440, "Summary of permitted suffixes").
  const pre =
    phase !== undefined ? (PHASES[phase] ?? 3) : dev !== undefined && after === undefined ? 0 : FINAL;
  return {
    epoch: Number(epoch ?? 0),
    release: release.split('.').map(Number),
    rank: [
      pre,
      Number(phaseNumber || 0),
      after === undefined ? -1 : Number(after),
      dev === undefined ? Number.POSITIVE_INFINITY : Number(devNumber || 0),
    ],
    local: (local ?? '')
      .split(/[-_.]/)
      .filter((part) => part !== '')
      .map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
  };
}

const FINAL = 4;

/** Negative, zero or positive, as PEP 440 orders two versions. */
function compareVersions(a: Version, b: Version): number {
  return (
    a.epoch - b.epoch ||
    compareNumbers(a.release, b.release) ||
    compareNumbers(a.rank, b.rank) ||
    compareLocal(a.local, b.local)
  );
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const [left, right] = [a[i] ?? 0, b[i] ?? 0];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Numbers come after words, and more parts after fewer. */
function compareLocal(a: Version['local'], b: Version['local']): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const [left, right] = [a[i], b[i]];
    if (left === right) continue;
    if (left === undefined) return -1;
    if (right === undefined) return 1;
    if (typeof left !== typeof right) return typeof left === 'number' ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return 0;
}

/** Whether a version has a relation to another (PEP 440, "Version specifiers"); undefined where one of them is no version. */
export function versionHas(version: string, operator: string, other: string): boolean | undefined {
  const left = parseVersion(version);
  if (left === undefined) return undefined;
  if (other.endsWith('.*') && (operator === '==' || operator === '!=')) {
    const prefix = parseVersion(other.slice(0, -2));
    return prefix === undefined ? undefined : startsWith(left, prefix) === (operator === '==');
  }
  const right = parseVersion(other);
  if (right === undefined) return operator === '===' ? version === other : undefined;
  const order = compareVersions(right.local.length === 0 ? { ...left, local: [] } : left, right);
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<=':
      return order <= 0;
    case '>=':
      return order >= 0;
    case '<':
      // Not a pre-release of the version itself.
      return order < 0 && !(isBefore(left) && !isBefore(right) && sameRelease(left, right));
    case '>':
      return order > 0 && !(left.rank[2] !== -1 && right.rank[2] === -1 && sameRelease(left, right));
    case '~=':
      return order >= 0 && startsWith(left, { ...right, release: right.release.slice(0, -1) });
    default:
      return version === other;
  }
}

function isBefore({ rank }: Version): boolean {
  return (rank[0] as number) < FINAL;
}

function sameRelease(a: Version, b: Version): boolean {
  return a.epoch === b.epoch && compareNumbers(a.release, b.release) === 0;
}

function startsWith(version: Version, { epoch, release }: Version): boolean {
  return version.epoch === epoch && release.every((part, i) => (version.release[i] ?? 0) === part);
}
