import { basename, dirname, extname, resolve } from 'node:path';
import { type CacheAddress, parseCacheAddress } from '../domain/cache-address.ts';
import { defined } from '../domain/defined.ts';
import type {
  ActionsJob,
  Limits,
  OptimizationFlag,
  Project,
  Recipe,
  ServerRequest,
  ServerTest,
  Tests,
  WasmSettings,
} from '../domain/definitions.ts';
import type { PythonSource } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StatedPath } from '../domain/stated-path.ts';
import { SYSTEM_DATA } from '../domain/system-data.ts';
import type { Failure } from '../failure.ts';
import { readYaml } from './document.ts';
import { defaultsFile, recipeFile, recipeFileNames, targetNames } from './folders.ts';
import { DEFAULTS, EXTENDING, RECIPE, SHIPPED } from './json-schema.ts';
import { check, type Loaded, load } from './load.ts';
import type { Reader } from './reader.ts';
import {
  type DefaultsFile,
  type ExtendingFile,
  extendingSchema,
  type RecipeFile,
  SCHEMA_VERSION,
  type ShippedFile,
  wasmSchema,
} from './schemas.ts';

const MEBIBYTE = 2 ** 20;

/** A recipe as its file states it: binary and workspace come from the crate later. */
export type RecipeDraft = Omit<Recipe, 'project' | 'toolchain' | 'sysroot'> & {
  readonly project: DraftProject;
  readonly toolchain?: string;
  readonly sysroot?: string;
};

export type DraftProject = Omit<Project, 'root' | 'bin'> & { readonly bin?: string };

/** A recipe that takes from a shipped one what it does not state itself. */
export interface ExtendingDraft
  extends Omit<RecipeDraft, 'target' | 'toolchain' | 'sysroot' | 'description'> {
  readonly extends: string;
  readonly description?: string;
  /** Packages of the sysroot beside those of the shipped one. */
  readonly sysrootPackages: readonly string[];
  /** Packages of the toolchain beside those of the image. */
  readonly toolchainPackages: readonly string[];
}

/**
 * A shipped recipe: from its file, which states the differences, or the one every target has without a file. `platform`
 * returns the description of a target.
 */
export async function loadShipped(
  home: string,
  name: string,
  read: Reader,
): Promise<Result<Loaded<RecipeDraft>>> {
  const defaults = await load<DefaultsFile, DefaultsFile>(defaultsFile(home), DEFAULTS, (parsed) => parsed, {
    read,
  });
  if (!defaults.ok) return defaults;
  const { project, samples, description } = defaults.value.value;
  if (recipeFileNames(home).includes(name)) {
    const file = recipeFile(home, name);
    const shipped = await load<ShippedFile, RecipeDraft>(
      file,
      SHIPPED,
      (parsed) =>
        recipeOf(file, {
          ...parsed,
          project: { ...project, ...defined({ ...parsed.project }) } as RecipeFile['project'],
          samples: parsed.samples ?? samples,
        }),
      { read },
    );
    const failure = shipped.ok ? takenName(home, shipped.value) : undefined;
    return failure === undefined ? shipped : err(failure);
  }
  const target = targetNames(home).find(({ recipe }) => recipe === name);
  if (target === undefined) throw new Error(`${name} is no shipped recipe`);
  const draft = recipeOf(defaultsFile(home), {
    schema: SCHEMA_VERSION,
    description,
    target: target.name,
    project,
    samples,
    ...NOTHING_SAID,
  });
  return ok({ value: { ...draft, name }, document: defaults.value.document });
}

/** A recipe that has the name of another target's own recipe. */
function takenName(home: string, { value, document }: Loaded<RecipeDraft>): Failure | undefined {
  const targets = targetNames(home);
  const own = targets.find(({ recipe }) => recipe === value.name);
  const asked = targets.find(({ name, triple }) => [name, triple].includes(value.target));
  if (own === undefined || asked === undefined || own === asked) return undefined;
  return {
    code: 'recipe/taken-name',
    what: `\`${value.name}\` is the recipe of the target \`${own.name}\`, and this file is for \`${asked.name}\`.`,
    fix: ['Give the file another name.'],
    at: document.locate(['target'], 'value'),
  };
}

/** The other keys of a recipe, with their defaults. */
const NOTHING_SAID = {
  host: true,
  certificates: 'system',
  zoneinfo: 'system',
  'mime-types': 'system',
  services: 'system',
} as const;

/** A user's own recipe: complete, or extending a shipped one. */
export async function loadOwnRecipe(file: string): Promise<Result<Loaded<RecipeDraft | ExtendingDraft>>> {
  const document = await readYaml(file);
  if (!document.ok) return document;
  const { value } = document.value;
  const extending = typeof value === 'object' && value !== null && Object.hasOwn(value, 'extends');
  return extending
    ? check<ExtendingFile, ExtendingDraft>(document.value, EXTENDING, (read) => extendingOf(file, read))
    : check<RecipeFile, RecipeDraft>(document.value, RECIPE, (read) => recipeOf(file, read));
}

/** What a crate without a recipe of its own is built with: a shipped one, and the defaults. */
export function extendingNothing(file: string, shipped: string): ExtendingDraft {
  return extendingOf(file, extendingSchema.parse({ schema: SCHEMA_VERSION, extends: shipped }));
}

function recipeOf(file: string, read: RecipeFile): RecipeDraft {
  const { description, target, toolchain, sysroot } = read;
  return { ...commonOf(file, read), description, target, ...defined({ toolchain, sysroot }) };
}

function extendingOf(file: string, read: ExtendingFile): ExtendingDraft {
  return {
    ...commonOf(file, read),
    extends: read.extends,
    ...defined({ description: read.description }),
    sysrootPackages: read.sysroot?.packages ?? [],
    toolchainPackages: read.toolchain?.packages ?? [],
  };
}

function commonOf(file: string, read: RecipeFile | ExtendingFile) {
  const folder = dirname(file);
  const { project, samples, tests, optimization, allocator, wasm } = read;
  const [variant] = [read.variant ?? []].flat();
  const runtime = read.runtime ?? read.runner;
  const brings = SYSTEM_DATA.filter((data) => read[data] === 'bundled');
  return {
    name: basename(file, extname(file)),
    file,
    project: {
      folder: resolve(folder, project.path),
      ...defined({ bin: project.bin }),
      profile: project.profile,
      features: project.features,
      defaultFeatures: project['default-features'],
      env: project.env,
      ...defined({ ignoreRustVersion: project['ignore-rust-version'] || undefined }),
    },
    samples: {
      paths: [samples.path ?? []].flat().map((path) => resolve(folder, path)),
      timeoutSeconds: samples.timeout,
      ...defined({ args: samples.args }),
      ...(Object.keys(samples.env).length === 0 ? {} : { env: samples.env }),
    },
    ...defined({
      tests: tests && testsOf(file, tests),
      measure: read.compare === undefined ? undefined : read.compare === 'measure',
      optimization: optimization === undefined ? undefined : flagsOf(optimization),
      variant,
      allocator,
      pythonImplementation: read.python?.implementation,
      pythonVersion: read.python?.version,
      pythonFrom: read.python?.from,
      pythonLinkage: read.python?.linkage,
      pythonPackages:
        read.python?.packages === undefined ? undefined : packagesOf(file, read.python.packages),
      pythonPaths: read.python?.paths?.map((text) => pathOf(file, text)),
      rust: read.rust,
      runtime,
      glibc: read.glibc,
      systems: read.systems,
      brings: some(brings),
      host: read.host ? undefined : read.host,
      cache: read.cache === undefined ? undefined : cacheOf(read.cache),
      limits: read.limits && limitsOf(read.limits),
      wasm: wasm && wasmSettings(wasm),
      actions: read.actions && actionsOf(read.actions),
    }),
  };
}

/** A list with something in it. */
function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** The older spelling, before there were lists: `none`, `pgo+lto`. */
function flagsOf(value: NonNullable<RecipeFile['optimization']>): readonly OptimizationFlag[] {
  if (typeof value !== 'string') return value;
  return (['pgo', 'lto'] as const).filter((flag) => value.split('+').includes(flag));
}

type PackagesFile = NonNullable<NonNullable<RecipeFile['python']>['packages']>;

/** Their places in the file are filled in where the document is at hand. */
function packagesOf(file: string, packages: PackagesFile): readonly PythonSource[] {
  const common = { folder: dirname(file), at: { file, line: 1, column: 1 } };
  return (typeof packages === 'string' ? [packages] : packages).map((one) =>
    typeof one === 'string'
      ? { text: one, extras: [], groups: [], ...common }
      : { text: one.file, extras: one.extras, groups: one.groups, ...common },
  );
}

function pathOf(file: string, text: string): StatedPath {
  return { text, path: resolve(dirname(file), text), at: { file, line: 1, column: 1 } };
}

function testsOf(file: string, { cargo, commands }: NonNullable<RecipeFile['tests']>): Tests {
  return {
    ...defined({
      cargo: cargo && { args: cargo.args, harness: cargo.harness, timeoutSeconds: cargo.timeout },
    }),
    commands: commands.map(({ timeout, stdout, reference, server, files, ...rest }) => ({
      ...rest,
      files: files.map((text) => pathOf(file, text)),
      timeoutSeconds: timeout,
      ...defined({ stdout, reference, server: server && serverOf(server) }),
    })),
  };
}

type ServerKeys = NonNullable<NonNullable<RecipeFile['tests']>['commands'][number]['server']>;

function serverOf({ port, ready, start, ask }: ServerKeys): ServerTest {
  return { ...defined({ port, ready }), start, ask: ask.map(requestOf) };
}

function requestOf({
  http,
  method = 'GET',
  body,
  tcp,
  args,
  status,
  expect,
}: ServerKeys['ask'][number]): ServerRequest {
  if (http !== undefined) return { http, method, ...defined({ body, status, expect }) };
  if (tcp !== undefined) return { tcp, ...defined({ expect }) };
  return { args: args ?? [], status: status ?? 0, ...defined({ expect }) };
}

function actionsOf({ runner, 'timeout-minutes': minutes }: NonNullable<RecipeFile['actions']>): ActionsJob {
  return defined({ runner, timeoutMinutes: minutes });
}

/** The schema has read it, too. */
function cacheOf(text: string): CacheAddress | undefined {
  const address = parseCacheAddress(text, 'cache');
  return address.ok ? address.value : undefined;
}

function limitsOf({ 'memory-mib': memory, processors }: NonNullable<RecipeFile['limits']>): Limits {
  return defined({ memory: memory && memory * MEBIBYTE, processors });
}

/** Settings of a recipe for WebAssembly without any of its own: the defaults of the schema. */
export const DEFAULT_WASM: WasmSettings = wasmSettings(wasmSchema.parse({}));

function wasmSettings(read: NonNullable<RecipeFile['wasm']>): WasmSettings {
  const { fuel, timeout, wasmtime, snapshot, ...sizes } = read;
  const maximum = sizes['max-memory-mib'];
  return {
    stack: sizes['stack-mib'] * MEBIBYTE,
    initialMemory: sizes['initial-memory-mib'] * MEBIBYTE,
    ...defined({ maxMemory: maximum && maximum * MEBIBYTE, fuel, timeoutSeconds: timeout }),
    wasmtime,
    ...(snapshot ? { snapshot } : {}),
  };
}
