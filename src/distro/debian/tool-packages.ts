import type { LockedPackage } from '../../domain/packages.ts';

/** What packages leave to their maintainer scripts, which are not run, or to whoever looks for them. */
interface ToolPackage {
  /** `$1`, …: what the name has in the groups of its pattern. */
  readonly package: RegExp;
  /** Alternatives (update-alternatives(1)): path in the root → target. */
  readonly links?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
}

/** One that stands later wins. */
const TOOL_PACKAGES: readonly ToolPackage[] = [
  // bindgen's loader looks for `clang` beside it and, without that, for this variable.
  { package: /^libclang1-(\d+)$/, variables: { LIBCLANG_PATH: '/usr/lib/llvm-$1/lib' } },
  { package: /^protobuf-compiler$/, variables: { PROTOC: '/usr/bin/protoc' } },
  { package: /^libprotobuf-dev$/, variables: { PROTOC_INCLUDE: '/usr/include' } },
  { package: /^original-awk$/, links: { 'usr/bin/awk': 'original-awk' } },
  { package: /^mawk$/, links: { 'usr/bin/awk': 'mawk' } },
  { package: /^gawk$/, links: { 'usr/bin/awk': 'gawk' } },
  { package: /^byacc$/, links: { 'usr/bin/yacc': 'byacc' } },
  { package: /^bison$/, links: { 'usr/bin/yacc': 'bison.yacc' } },
  {
    package: /^automake$/,
    links: { 'usr/bin/automake': 'automake-1.17', 'usr/bin/aclocal': 'aclocal-1.17' },
  },
  { package: /^lua(5\.\d)$/, links: { 'usr/bin/lua': 'lua$1', 'usr/bin/luac': 'luac$1' } },
  { package: /^gfortran$/, links: { 'usr/bin/f77': 'gfortran', 'usr/bin/f95': 'gfortran' } },
];

/** Links that alternatives would be. */
export function alternativesOf(packages: readonly LockedPackage[]): Readonly<Record<string, string>> {
  return collect(packages, ({ links }) => links);
}

export function variablesOf(packages: readonly LockedPackage[]): Readonly<Record<string, string>> {
  return collect(packages, ({ variables }) => variables);
}

function collect(
  packages: readonly LockedPackage[],
  part: (tool: ToolPackage) => Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const found = TOOL_PACKAGES.flatMap((tool) =>
    packages
      .filter(({ name }) => tool.package.test(name))
      .flatMap(({ name }) =>
        Object.entries(part(tool) ?? {}).map(
          ([key, value]) => [key, name.replace(tool.package, value)] as const,
        ),
      ),
  );
  return Object.fromEntries(found);
}
