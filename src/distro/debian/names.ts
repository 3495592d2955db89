/** Packages that are named otherwise than the library in them. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['libz.so.1', 'zlib1g'],
  ['libjpeg.so.62', 'libjpeg62-turbo'],
]);

/** The package that a library has its own name for: name, then version (Debian Policy, 8.1). */
export function packageOfLibrary(library: string): string | undefined {
  const own = NAMED.get(library);
  if (own !== undefined) return own;
  const match = /^(lib[^/]+?)\.so\.(\d+(?:\.\d+)*)$/.exec(library);
  if (match === null) return undefined;
  const [, name, version] = match as unknown as [string, string, string];
  const plain = name.toLowerCase().replaceAll('_', '-');
  return /\d$/.test(plain) ? `${plain}-${version}` : `${plain}${version}`;
}
