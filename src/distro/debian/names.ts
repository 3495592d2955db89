/** The package that a library has its own name for: name, then version (Debian Policy, 8.1). */
export function packageOfLibrary(library: string): string | undefined {
  const match = /^(lib[^/]+?)\.so\.(\d+)$/.exec(library);
  if (match === null) return undefined;
  const [, name, version] = match as unknown as [string, string, string];
  const plain = name.toLowerCase().replaceAll('_', '-');
  return /\d$/.test(plain) ? `${plain}-${version}` : `${plain}${version}`;
}
