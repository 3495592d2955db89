import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ConformanceSuite } from '../domain/conformance.ts';
import { defined } from '../domain/defined.ts';
import type { KnownDifference, PythonChoice, TextFile } from '../domain/definitions.ts';
import type { DivergenceRules } from '../domain/divergence.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { PythonImplementation } from '../domain/ids.ts';
import { libraryFolder } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { combineFailures } from './combine-failures.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import { causesFile, conformanceFile, differencesFile, pythonFile, pythonNames } from './folders.ts';
import { CAUSES, CONFORMANCE, DIFFERENCES, PYTHON } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import { openReader, type Reader } from './reader.ts';
import type { CausesFile, ConformanceFile, DifferencesFile, PythonFile, PythonVariants } from './schemas.ts';
import { noFile } from './trees.ts';
import { unknown } from './unknown-name.ts';

/** `pythons/<name>/python.yaml`. */
export interface PythonDefinition {
  readonly name: string;
  readonly description: string;
  readonly implementation: PythonImplementation;
  /** Version and thread model: `3.13`, `3.13t`. */
  readonly word: string;
  readonly version: string;
  /** Its own version, where that is not the language's. */
  readonly release?: string;
  /** The CPython that it is compared with: itself, or a folder in `pythons/`. */
  readonly reference: string;
  readonly abiflags: string;
  readonly suite: string;
  /** Taken only where it is asked for, or where no other one fits the crate. */
  readonly onRequest: boolean;
  /** Its packages have the names of the transition to a `time_t` of 64 bits. */
  readonly t64: boolean;
  /** The Python whose selection of tests it has; absent: its own. */
  readonly conformance?: string;
  /** Targets that there is none for, or `source` → why. */
  readonly notFor: Readonly<Record<string, string>>;
  readonly source: PythonFile['source'];
  readonly forms: PythonFile['forms'];
  readonly variants: PythonVariants;
  /** The Python whose variants it has; absent: its own. */
  readonly variantsOf?: string;
}

/** Every Python, the newest first; of one version the free-threaded one last. */
export async function loadPythons(
  home: string,
  read: Reader = openReader(),
): Promise<Result<readonly Loaded<PythonDefinition>[]>> {
  const loaded = await Promise.all(pythonNames(home).map((name) => loadPython(home, name, read)));
  const pythons = loaded.map((one) => (one.ok ? withVariants(one.value, loaded) : one));
  const failure = combineFailures(pythons.flatMap((one) => (one.ok ? [] : [one.error])));
  if (failure !== undefined) return err(failure);
  return ok(
    pythons
      .flatMap((one) => (one.ok ? [one.value] : []))
      .sort((a, b) => rank(b.value) - rank(a.value) || (a.value.name < b.value.name ? -1 : 1)),
  );
}

/** A Python that has the variants of another one, with these. */
function withVariants(
  python: Loaded<PythonDefinition>,
  all: readonly Result<Loaded<PythonDefinition>>[],
): Result<Loaded<PythonDefinition>> {
  const { variantsOf } = python.value;
  if (variantsOf === undefined) return ok(python);
  const others = all.flatMap((one) =>
    one.ok && one.value.value.variantsOf === undefined ? [one.value.value] : [],
  );
  const other = others.find(({ name }) => name === variantsOf);
  if (other === undefined) {
    const names = others.map(({ name }) => name);
    return err(unknown('python', variantsOf, names, python.document, ['variants']));
  }
  return ok({ ...python, value: { ...python.value, variants: other.variants } });
}

function rank({ version, abiflags }: PythonDefinition): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major * 1000 + minor) * 2 - (abiflags === '' ? 0 : 1);
}

export async function loadPython(
  home: string,
  name: string,
  read: Reader = openReader(),
): Promise<Result<Loaded<PythonDefinition>>> {
  const loaded = await load<PythonFile, PythonDefinition>(
    pythonFile(home, name),
    PYTHON,
    (parsed) => ({
      name,
      description: parsed.description,
      implementation: parsed.implementation,
      word: parsed.version,
      version: parsed.version.replace(/t$/, ''),
      abiflags: parsed.version.endsWith('t') ? 't' : '',
      suite: parsed.suite,
      onRequest: parsed['on-request'],
      t64: parsed.t64,
      reference: parsed.reference ?? name,
      ...defined({ conformance: parsed.conformance, release: parsed.release }),
      notFor: parsed['not-for'],
      source: parsed.source,
      forms: parsed.forms,
      ...(typeof parsed.variants === 'string'
        ? { variants: {}, variantsOf: parsed.variants }
        : { variants: parsed.variants }),
    }),
    { read },
  );
  const failure = loaded.ok ? misnamed(loaded.value) : undefined;
  return failure === undefined ? loaded : err(failure);
}

/** Locks and artifacts are named after the folder: each version has one, and it says which. */
function misnamed({ value, document }: Loaded<PythonDefinition>): Failure | undefined {
  const version = value.release ?? value.word;
  const name = `${value.implementation.toLowerCase()}-${version}`;
  if (value.name === name) return undefined;
  return {
    code: 'recipe/invalid-name',
    what: `The folder of ${value.implementation} ${version} is \`${name}\`, and this file is in \`${value.name}\`.`,
    fix: [`Rename the folder, or correct \`${value.release === undefined ? 'version' : 'release'}\`.`],
    at: document.locate([value.release === undefined ? 'version' : 'release'], 'value'),
  };
}

/** The patches of its own that a form is built with. */
export async function ownPatches(
  { value: python, document }: Loaded<PythonDefinition>,
  form: string,
  variant?: string,
): Promise<Result<readonly TextFile[]>> {
  const own = variant === undefined ? undefined : python.variants[variant]?.patches;
  const names = own ?? python.forms[form]?.patches ?? [];
  const at = own === undefined ? ['forms', form] : ['variants', variant ?? ''];
  const patches = await Promise.all(
    names.map((name, index) => beside(document, join('patches', name), [...at, 'patches', index])),
  );
  const failure = combineFailures(patches.flatMap((one) => (one.ok ? [] : [one.error])));
  return failure === undefined ? ok(patches.flatMap((one) => (one.ok ? [one.value] : []))) : err(failure);
}

/** A file beside a definition, named in it at a place. */
export async function beside(
  document: YamlDocument,
  path: string,
  at: DocumentPath,
): Promise<Result<TextFile>> {
  const file = join(dirname(document.file), path);
  const text = await readFile(file, 'utf8').catch(unlessDeviceFailed(undefined));
  return text === undefined ? err(noFile(file, document, at)) : ok({ name: basename(path), text });
}

/** In what a build of this Python for a target differs from the distribution's; without a file in nothing. */
export async function loadDifferences(
  home: string,
  python: string,
  target: Pick<Target, 'name' | 'libc' | 'cLibrary'>,
  form: string,
  read: Reader = openReader(),
): Promise<Result<readonly KnownDifference[]>> {
  const file = differencesFile(home, python);
  if (!isThere(file)) return ok([]);
  const places: readonly string[] = [
    target.name,
    target.libc,
    target.cLibrary,
    form,
    `${form}/${target.name}`,
  ];
  const loaded = await load<DifferencesFile, readonly KnownDifference[]>(
    file,
    DIFFERENCES,
    ({ known }) => known.filter(({ on }) => on.some((name) => places.includes(name))),
    { read },
  );
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

/** By what differences of a Python from its reference are classified; without a file by nothing but how a run ends. */
export async function loadCauses(home: string, python: string): Promise<Result<DivergenceRules>> {
  const file = causesFile(home, python);
  if (!isThere(file)) return ok({ crash: [], module: [], text: [], causes: [] });
  const loaded = await load<CausesFile, DivergenceRules>(
    file,
    CAUSES,
    ({ crash, module, text, causes }) => ({
      ...{ crash, module, text },
      causes: causes.map(({ 'module-is-there': moduleIsThere, ...cause }) => ({
        ...cause,
        ...(moduleIsThere ? { moduleIsThere } : {}),
      })),
    }),
    {},
  );
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

/** The selection of CPython's own tests for a program with this Python. */
export async function loadConformance(
  home: string,
  python: Pick<PythonChoice, 'name' | 'version' | 'abiflags'>,
): Promise<Result<Loaded<ConformanceSuite>>> {
  const definition = await loadPython(home, python.name);
  if (!definition.ok) return definition;
  const { conformance = python.name } = definition.value.value;
  const file = conformanceFile(home, conformance);
  return load<ConformanceFile, ConformanceSuite>(file, CONFORMANCE, (read) => ({
    file,
    folder: `usr/lib/${libraryFolder(python)}/test`,
    modules: read.modules,
    renamed: read.renamed,
    timeoutSeconds: read.timeout,
    known: read.known,
  }));
}

/** The oldest glibc that the libpython of a point starts with, where it is for glibc and states it. */
export function floorOf(
  { python, target }: { readonly python: Loaded<PythonDefinition>; readonly target: Target },
  form: string,
): string | undefined {
  const floor = python.value.forms[form]?.glibc;
  // Of a packaged libpython it is a text: all targets have that of its suite.
  if (typeof floor === 'object' && target.startsWith !== undefined) return target.startsWith;
  return typeof floor === 'string' ? floor : floor?.[target.name];
}
