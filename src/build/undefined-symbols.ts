import { err, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { Failure } from '../failure.ts';

/** Maximum number of symbols in the evidence; further ones have the same cause. */
const MOST_TRACED = 12;

/**
 * For a link that failed with undefined symbols: adds the static library of the sysroot that defines each symbol, which
 * is then missing from the link line. Any other failure is returned unchanged.
 */
export async function traceUndefined(
  sandbox: Sandbox,
  output: string,
  failure: Failure,
): Promise<Result<never>> {
  const symbols = undefinedSymbols(output);
  if (symbols.length === 0) return err(failure);
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
