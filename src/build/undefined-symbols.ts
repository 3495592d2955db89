import { err, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { Failure } from '../failure.ts';

/** Symbols traced; more of them have the same cause. */
const MOST_TRACED = 12;

/**
 * A link that failed for undefined symbols, told with the static library of the sysroot that has each: what is missing
 * is then a name in the link line. Any other failure is given back as it is.
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
  // Why the link failed matters more than why it could not be explained.
  if (!listing.ok) return err(failure);
  const homes = definitions(Buffer.from(listing.value.stdout).toString('utf8'), new Set(symbols));
  const told = symbols.slice(0, MOST_TRACED).map((symbol) => {
    const libraries = homes.get(symbol) ?? [];
    return libraries.length === 0
      ? `${symbol}: in no library of the sysroot`
      : `${symbol}: defined in ${libraries.join(', ')}`;
  });
  const found = [...new Set(symbols.flatMap((symbol) => homes.get(symbol) ?? []))];
  return err({
    ...failure,
    code: 'build/undefined-symbols',
    what: `${symbols.length} ${symbols.length === 1 ? 'symbol is' : 'symbols are'} undefined at the link.`,
    fix: [
      found.length === 0
        ? 'Add the library that has them to `libraries` or `sysroot.packages` of the sysroot definition.'
        : `Link with ${found.join(', ')} too: \`link.static\` in the sysroot definition takes what CPython itself was not configured with.`,
    ],
    evidence: [...told, ...(failure.evidence ?? [])],
  });
}

/** Names that a linker (lld, GNU ld) says it cannot find, each once. */
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
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const homes = new Map<string, string[]>();
  for (const line of listing.split('\n')) {
    const match = /^(.+?):[^:]*:\S* ([A-TV-Zi]) (\S+)$/.exec(line);
    const name = match?.[3];
    if (match === null || name === undefined || !wanted.has(name)) continue;
    const archive = (match[1] as string).replace(/^.*\//, '');
    const known = homes.get(name) ?? [];
    if (!known.includes(archive)) homes.set(name, [...known, archive]);
  }
  return homes;
}
