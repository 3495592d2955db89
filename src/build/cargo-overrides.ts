import type { CargoFile } from '../crate/cargo-files.ts';
import { type CfgFacts, cfgHolds } from '../crate/cfg.ts';
import { isTable, type Table, tableAt } from '../crate/toml.ts';
import type { Overridden } from '../domain/cargo.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { Target } from '../domain/target.ts';
import { PATHS } from '../engine/paths.ts';

type Instead = string | undefined;

/** Settings of `[build]` that a build does not take, and what counts instead. */
const BUILD: Readonly<Record<string, string>> = {
  'target-dir': `it is \`${PATHS.target}\``,
  'build-dir': `it is \`${PATHS.target}\``,
  rustc: "the recipe's Rust compiles",
  rustdoc: "the recipe's Rust compiles",
};

/** Settings of `[build]` that have no effect on what is built, and that a build sets otherwise. */
const SILENT = ['jobs'];

/** Settings that name programs, of this machine where the file is one of it. */
const WRAPPERS = ['rustc-wrapper', 'rustc-workspace-wrapper'];

/** What a build does not take from a file; settings for other targets than the recipe's are not told. */
export function overriddenIn(
  file: CargoFile,
  resolved: Pick<Resolved, 'recipe' | 'target' | 'hostTarget' | 'rust'>,
): readonly Overridden[] {
  const { target, hostTarget } = resolved;
  const { table, inside } = file;
  const build = tableAt(table, 'build');
  const found: (readonly [string, Instead])[] = [
    ...Object.keys(build).map((key): [string, Instead] => [`build.${key}`, BUILD[key]]),
    ['build.target', otherTarget(build.target, target.rustTriple)],
    ...WRAPPERS.map((key): [string, Instead] => [`build.${key}`, wrapperOf(build[key], inside)]),
    ...Object.entries(tableAt(table, 'target')).flatMap(([name, one]) =>
      [target, hostTarget].some((either) => isFor(name, either)) ? programsOf(name, one) : [],
    ),
    [
      'net.git-fetch-with-cli',
      tableAt(table, 'net')['git-fetch-with-cli'] === true ? "cargo's own git is used" : undefined,
    ],
    ...(inside ? [] : credentialsOf(table)),
    ['unstable', table.unstable === undefined ? undefined : unstableOf(resolved)],
    ['include', inside || table.include === undefined ? undefined : 'the files that it names are not read'],
  ];
  return found.flatMap(([key, instead]) =>
    instead === undefined ? [] : [{ key, file: file.file, inside, instead }],
  );
}

/** A distribution's cargo takes itself for one under development, and would pass on what its compiler refuses. */
function unstableOf({ recipe, rust }: Pick<Resolved, 'recipe' | 'rust'>): Instead {
  if (rust !== undefined || recipe.project.env.RUSTC_BOOTSTRAP === '1') return undefined;
  return 'the Rust of the toolchain image is a stable one, which has no unstable settings';
}

/** Whether a table of `[target]` may be for a target. */
function isFor(name: string, target: Target): boolean {
  return name.startsWith('cfg(') ? cfgHolds(name, cfgFacts(target)) !== false : name === target.rustTriple;
}

/** What can be told of a target without its compiler; conditions on anything else may hold. */
function cfgFacts({ rustTriple, libc, pointerWidth, endianness }: Target): CfgFacts {
  // machine-vendor-system-environment; shorter ones are of no Unix.
  const [, , system] = rustTriple.split('-');
  return {
    ...(system === undefined
      ? {}
      : { target_os: [system], target_env: [libc], target_family: ['unix'], unix: [true] }),
    target_pointer_width: [String(pointerWidth)],
    target_endian: [endianness],
    windows: [],
  };
}

function otherTarget(value: unknown, triple: string): Instead {
  const named = [value].flat().filter((one) => typeof one === 'string');
  return named.length === 0 || (named.length === 1 && named[0] === triple)
    ? undefined
    : `the recipe's target is \`${triple}\``;
}

/** A wrapper by its path in the project is there in a build; by its name it is a program of this machine. */
function isSeen(wrapper: unknown, inside: boolean): boolean {
  return inside && typeof wrapper === 'string' && wrapper.includes('/') && !wrapper.startsWith('/');
}

function wrapperOf(value: unknown, inside: boolean): Instead {
  if (value === undefined || value === '' || isSeen(value, inside)) return undefined;
  return 'a program of this machine: a build takes none of them';
}

function programsOf(name: string, value: unknown): [string, Instead][] {
  if (!isTable(value)) return [];
  return [
    [`target.${name}.linker`, value.linker === undefined ? undefined : "the toolchain's linker is used"],
    [
      `target.${name}.runner`,
      value.runner === undefined ? undefined : "the recipe's runtime starts programs",
    ],
  ];
}

const BUILT_IN = 'cargo:token';

function credentialsOf(table: Table): [string, Instead][] {
  const instead = 'tokens come from credentials.toml and `CARGO_REGISTRIES_…_TOKEN`';
  const registry = tableAt(table, 'registry');
  const named = (value: unknown): boolean =>
    value !== undefined && [value].flat().some((one) => one !== BUILT_IN);
  return [
    ...(['credential-provider', 'global-credential-providers'] as const).map((key): [string, Instead] => [
      `registry.${key}`,
      named(registry[key]) ? instead : undefined,
    ]),
    ...Object.entries(tableAt(table, 'registries')).map(([name, one]): [string, Instead] => [
      `registries.${name}.credential-provider`,
      isTable(one) && named(one['credential-provider']) ? instead : undefined,
    ]),
  ];
}

/** Tables of a file outside of the project that a build may have; programs and folders of this machine are left out. */
const KEPT = [
  'build',
  'target',
  'profile',
  'env',
  'patch',
  'paths',
  'unstable',
  'source',
  'registries',
  'registry',
  'net',
  'http',
];

/** A file outside of the project without what a build cannot take from it. */
export function withoutOverridden(table: Table): Table {
  const change: Readonly<Record<string, (one: Table) => Table>> = {
    build: (one) => without(one, [...Object.keys(BUILD), ...SILENT, ...WRAPPERS, 'target']),
    target: (one) => eachOf(one, ['linker', 'runner', 'ar']),
    registry: (one) => without(one, ['credential-provider', 'global-credential-providers', 'token']),
    registries: (one) => eachOf(one, ['credential-provider', 'token']),
    net: (one) => without(one, ['git-fetch-with-cli']),
    http: (one) => without(one, ['cainfo']),
  };
  const kept = Object.entries(table).filter(([name]) => KEPT.includes(name));
  return Object.fromEntries(
    kept
      .map(([name, value]) => [name, isTable(value) ? (change[name]?.(value) ?? value) : value] as const)
      .filter(([, value]) => !isTable(value) || Object.keys(value).length > 0),
  );
}

/** A file without its tokens, which only the step that fetches crates gets. */
export function withoutTokens(table: Table): Table {
  return {
    ...table,
    ...(isTable(table.registry) ? { registry: without(table.registry, ['token']) } : {}),
    ...(isTable(table.registries) ? { registries: eachOf(table.registries, ['token']) } : {}),
  };
}

function without(table: Table, keys: readonly string[]): Table {
  return Object.fromEntries(Object.entries(table).filter(([key]) => !keys.includes(key)));
}

function eachOf(table: Table, keys: readonly string[]): Table {
  return Object.fromEntries(
    Object.entries(table)
      .map(([name, one]) => [name, isTable(one) ? without(one, keys) : one] as const)
      .filter(([, one]) => !isTable(one) || Object.keys(one).length > 0),
  );
}
