import { compareReleases } from '../domain/glibc.ts';
import { err, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { Failure } from '../failure.ts';

/** Maximum number of symbols in the evidence; further ones have the same cause. */
const MOST_TRACED = 12;

/** The C library that a program is linked with. */
export interface LinkedGlibc {
  /** Release that the program is linked for. */
  readonly release: string;
  /** Its own, which is newer where the recipe asks for an older one. */
  readonly own: string;
}

/**
 * For a link that failed with undefined symbols: adds the static library of the sysroot that defines each symbol, which
 * is then missing from the link line, or the release of glibc that it came with (`build/glibc-too-new`). Any other failure is
 * returned unchanged. `glibc`: what the program is linked with, where it is.
 */
export async function traceUndefined(
  sandbox: Sandbox,
  output: string,
  failure: Failure,
  glibc?: LinkedGlibc,
): Promise<Result<never>> {
  const symbols = undefinedSymbols(output);
  if (symbols.length === 0) return err(failure);
  const newer = glibc === undefined ? undefined : await newerThan(sandbox, output, symbols, glibc);
  if (newer !== undefined) return err({ ...failure, ...newer });
  const listing = await sandbox.run({
    argv: [
      'sh',
      '-c',
      `find ${PATHS.sysroot}/usr/lib -name '*.a' -not -path '*/rustlib/*' -exec nm -A --defined-only {} + 2>/dev/null`,
    ],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    cwd: '/',
  });
  // The failure of the link is more important than the failure to explain it.
  if (!listing.ok) return err(failure);
  const definedIn = definitions(Buffer.from(listing.value.stdout).toString('utf8'), new Set(symbols));
  const traced = symbols.slice(0, MOST_TRACED).map((symbol) => {
    const libraries = definedIn.get(symbol) ?? [];
    return libraries.length === 0
      ? `${symbol}: in no library of the sysroot`
      : `${symbol}: defined in ${libraries.join(', ')}`;
  });
  const found = [...new Set(symbols.flatMap((symbol) => definedIn.get(symbol) ?? []))];
  return err({
    ...failure,
    code: 'build/undefined-symbols',
    what: `The link failed with ${symbols.length} undefined ${symbols.length === 1 ? 'symbol' : 'symbols'}.`,
    fix: [
      found.length === 0
        ? 'Add the library that defines them to `libraries` or `sysroot.packages` of the sysroot definition.'
        : `Add ${found.join(', ')} to \`link.static\` in the sysroot definition, which lists the libraries that CPython was not configured with.`,
    ],
    evidence: [...traced, ...(failure.evidence ?? [])],
  });
}

/** That the C library that a program is linked with is older than all that the link lacks, which that of the image has. */
async function newerThan(
  sandbox: Sandbox,
  output: string,
  symbols: readonly string[],
  glibc: LinkedGlibc,
): Promise<Failure | undefined> {
  const listing = await sandbox.run({
    argv: ['sh', '-c', 'nm -D --defined-only --with-symbol-versions /usr/lib/*-linux-gnu*/lib[cm].so.6'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    cwd: '/',
  });
  if (!listing.ok) return undefined;
  const releases = releasesOf(Buffer.from(listing.value.stdout).toString('utf8'), new Set(symbols));
  const needed = [...releases.values()].toSorted(compareReleases).at(-1);
  if (needed === undefined || releases.size < symbols.length) return undefined;
  if ([...releases.values()].some((release) => compareReleases(release, glibc.release) <= 0))
    return undefined;
  const names = [...releases].map(([symbol, release]) => `${symbol} (glibc ${release})`);
  const few = names.length > MOST_NAMED ? [...names.slice(0, MOST_NAMED), '…'] : names;
  const crates = cratesIn(output).map((crate) => `\`${crate}\``);
  return {
    code: 'build/glibc-too-new',
    what: `The program calls functions that the C library which it is linked with, glibc ${glibc.release}, does not have: ${few.join(', ')}.`,
    why: `${crates.length === 0 ? '' : `Brought by ${crates.join(', ')}. `}It would need glibc ${needed}, and would not start on the systems that the bundle promises to run on.`,
    fix: [
      'Leave out what calls them, or the crate with it: the lines name source or object, and function.',
      `Where such systems need not be reached, ${newerLibrary(glibc, needed)}.`,
    ],
    evidence: referencesIn(output).slice(0, MOST_TRACED),
  };
}

/** What to do to be linked with a release. */
function newerLibrary({ release, own }: LinkedGlibc, needed: string): string {
  if (compareReleases(needed, own) <= 0) return `write \`glibc: "${needed}"\``;
  const packages = 'write `python: {from: packages}`: that program is linked with the newest glibc';
  return release === own ? packages : `leave out \`glibc\` and ${packages}`;
}

/** Maximum number of functions in a sentence. */
const MOST_NAMED = 5;

/** Symbol → release of glibc, of the default versions in the output of `nm --with-symbol-versions` (nm(1)): `name@@GLIBC_2.39`. */
export function releasesOf(listing: string, symbols: ReadonlySet<string>): ReadonlyMap<string, string> {
  return new Map(
    [...listing.matchAll(/ ([\w.$]+)@@GLIBC_(\d+(?:\.\d+)*)$/gm)].flatMap(([, name = '', release = '']) =>
      symbols.has(name) ? [[name, release] as const] : [],
    ),
  );
}

/** Where undefined symbols are called, in the output of a linker: `symbol: file:(function)`, without duplicates. */
export function referencesIn(output: string): readonly string[] {
  const places: string[] = [];
  let symbol = '';
  for (const line of output.split('\n')) {
    symbol = /undefined symbol: ([\w.$@]+)/.exec(line)?.[1] ?? symbol;
    const lld = /^\s*>>> (?:referenced by )?\s*(\S.*)$/.exec(line)?.[1];
    const gnu = /(\S+):\(\S+\): undefined reference to [`']([\w.$@]+)'/.exec(line);
    if (lld !== undefined && symbol !== '') places.push(`${symbol}: ${lld}`);
    else if (gnu !== null) places.push(`${gnu[2]}: ${gnu[1]}`);
  }
  return [...new Set(places)];
}

/** The crates whose code, or what their build scripts made, the lines of a linker about undefined symbols name. */
export function cratesIn(output: string): readonly string[] {
  const lines = output.split('\n').filter((line) => /^\s*>>> |undefined reference to/.test(line));
  const patterns = [/\/build\/([\w-]+)-[0-9a-f]{16}\/out\//g, /\/lib(\w+)-[0-9a-f]{16}\.rlib\b/g];
  const names = lines.flatMap((line) =>
    patterns.flatMap((pattern) => [...line.matchAll(pattern)].map((match) => match[1] as string)),
  );
  return [...new Set(names)].sort();
}

/** The undefined symbols in the output of a linker (lld, GNU ld), without duplicates. */
export function undefinedSymbols(output: string): readonly string[] {
  const patterns = [/undefined symbol: ([\w.$@]+)/g, /undefined reference to [`']([\w.$@]+)'/g];
  return [
    ...new Set(
      patterns.flatMap((pattern) => [...output.matchAll(pattern)].map((match) => match[1] as string)),
    ),
  ];
}

/** Symbol → file names of the archives that define it, from `nm -A` (nm(1)): `archive:member:address type name`. */
export function definitions(
  listing: string,
  symbols: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const archives = new Map<string, string[]>();
  for (const line of listing.split('\n')) {
    const match = /^(.+?):[^:]*:\S* ([A-TV-Zi]) (\S+)$/.exec(line);
    const name = match?.[3];
    if (match === null || name === undefined || !symbols.has(name)) continue;
    const archive = (match[1] as string).replace(/^.*\//, '');
    const known = archives.get(name) ?? [];
    if (!known.includes(archive)) archives.set(name, [...known, archive]);
  }
  return archives;
}
