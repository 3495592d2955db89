import { markdownTable } from './generated.ts';
import runs from './python-runs.json' with { type: 'json' };

/** `<recipe> <version>` → what a run of it left behind: measure-pythons.ts. */
export type PythonRuns = Readonly<
  Record<
    string,
    {
      /** Full version: `3.14.8`. */
      readonly python: string;
      /** Absent: the plain one. */
      readonly variant?: string;
      /** The libpython that a program for the stable ABI was linked with. */
      readonly linkedWith?: string;
      /** Built from source. */
      readonly source?: boolean;
      readonly linkage: 'static' | 'dynamic';
      readonly libc: 'gnu' | 'musl' | 'wasi';
      /** The oldest glibc that its bundle starts on. */
      readonly floor?: string;
      readonly equal: number;
      readonly differ: number;
      readonly skipped: number;
    }
  >
>;

function sortedRuns() {
  return Object.entries(runs as PythonRuns)
    .map(([key, run]) => ({ recipe: key.split(' ')[0] as string, ...run }))
    .toSorted((a, b) => compareVersions(b.python, a.python) || a.recipe.localeCompare(b.recipe, 'en'));
}

/** A row for each version that one program for the stable ABI was run with. */
export function stableAbiTable(): string {
  const rows = sortedRuns().filter(({ linkedWith }) => linkedWith !== undefined);
  return markdownTable(
    ['Python in the bundle', 'program', 'samples equal'],
    rows
      .toReversed()
      .map((run) => [
        run.python,
        `python${run.python.split('.').slice(0, 2).join('.')}` === run.linkedWith
          ? `built, linked with \`${run.linkedWith}\``
          : `the same, linked with \`${run.linkedWith}\``,
        `${run.equal} of ${run.equal + run.differ}`,
      ]),
  );
}

const LIBC = {
  gnu: (floor: string) => `glibc ≥ ${floor}`,
  musl: () => 'musl, linked in',
  wasi: () => 'WASI preview 1',
};

/** A row for each run. */
export function pythonsTable(): string {
  const rows = sortedRuns().filter(({ linkedWith }) => linkedWith === undefined);
  return markdownTable(
    ['Python', 'recipe', 'libpython', 'C library of the bundle', 'samples equal'],
    rows.map((run) => [
      run.variant === undefined ? run.python : `${run.python}, ${run.variant}`,
      `\`${run.recipe}\``,
      run.source === true
        ? `from source, ${run.linkage === 'static' ? 'linked in' : 'shared'}`
        : 'packaged, shared',
      LIBC[run.libc](run.floor ?? ''),
      `${run.equal} of ${run.equal + run.differ}${run.skipped === 0 ? '' : `, ${run.skipped} skipped`}`,
    ]),
  );
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
