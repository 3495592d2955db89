import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined, unlessDeviceFailed } from '../domain/errno.ts';
import type { PythonDistribution } from '../domain/python.ts';
import type { IndexRequirement, PathWheel } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { PackageEnvironment } from '../requirements/environment.ts';
import { copyCode } from '../requirements/files.ts';
import type { Modules } from '../requirements/modules.ts';
import { parseWheelName } from '../requirements/wheel-name.ts';
import { digestFile } from '../store/digest.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { installedPackages } from './dist-info.ts';
import { compileStaged, mountAt, type PipHost, runPythonTask, WORK } from './python-task.ts';
import { type BuiltWheel, nameWith, referTo, type Wheels } from './wheels.ts';

/** Incremented when equal requirements give different files. */
export const PACKAGES_VERSION = 3;

export interface InstallInput {
  readonly environment: PackageEnvironment;
  /** Exact versions, and the wheels that were fetched for them. */
  readonly index: readonly IndexRequirement[];
  readonly fetched?: Wheels;
  readonly wheels: readonly PathWheel[];
  readonly built: readonly { readonly wheel: BuiltWheel; readonly extras: readonly string[] }[];
  readonly log: string;
}

/** The packages in the folder `site` of the entry, and what belongs into the interpreter's prefix in `data`. */
export type Packages = StoreEntry<{
  readonly site: string;
  readonly data: string;
  readonly installed: readonly { readonly name: string; readonly version: string }[];
}>;

const FETCHED_AT = '/job/wheels/fetched';
const BUILT_AT = '/job/wheels/built';
const NAMED_AT = '/job/wheels/named';

/** Installs wheels that are here already; pip checks that all they depend on is among them. */
export function installPackages(
  context: Context,
  store: Store,
  host: PipHost,
  input: InstallInput,
): Promise<Result<Packages>> {
  const { environment, index, fetched, wheels, built } = input;
  const lines = [
    ...index.map(({ name, extras, specifier, address }) =>
      address === undefined ? `${nameWith(name, extras)}${specifier}` : nameWith(name, extras),
    ),
    ...wheels.map(({ name, extras, file }) => referTo(name, extras, `${NAMED_AT}/${basename(file)}`)),
    ...built.map(({ wheel, extras }, i) =>
      referTo(parseWheelName(wheel.meta.file)?.name ?? '', extras, `${BUILT_AT}/${i}/${wheel.meta.file}`),
    ),
  ].sort();
  const { tags, version } = environment;
  const inputs = {
    what: 'python packages',
    version: PACKAGES_VERSION,
    requirements: lines,
    fetched: fetched?.fingerprint ?? null,
    wheels: wheels.map(({ file, digest }) => [basename(file), digest]),
    built: built.map(({ wheel }) => wheel.fingerprint),
    python: version,
    tags: { minor: tags.minor, abiflags: tags.abiflags, platforms: tags.platforms },
    variables: environment.variables,
    // It contains pip, and the compiler of modules.
    reference: host.interpreter.fingerprint,
  };
  const mounts = [
    ...(fetched === undefined ? [] : [mountAt(join(fetched.folder, fetched.meta.wheels), FETCHED_AT)]),
    ...built.map(({ wheel }, i) => mountAt(join(wheel.folder, wheel.meta.wheels), `${BUILT_AT}/${i}`)),
    ...wheels.map(({ file }) => mountAt(file, `${NAMED_AT}/${basename(file)}`)),
  ];
  return store.obtain(
    'builds',
    inputs,
    async (folder) => {
      const run = await runPythonTask(
        context,
        host,
        {
          task: 'install',
          log: input.log,
          doing: `Installing Python packages for ${environment.triple}`,
          code: 'build/python-packages',
          fix: ['See what pip says above; a wheel may be damaged or have false metadata.'],
          environment,
          job: {
            to: `${WORK}/installed`,
            folders: fetched === undefined ? [] : [FETCHED_AT],
            depth: 3,
          },
          requirements: lines,
          network: false,
          mounts,
          copy: [
            [`${WORK}/installed/site`, join(folder, 'site')],
            [`${WORK}/installed/data`, join(folder, 'data')],
          ],
        },
        folder,
      );
      if (!run.ok) return run;
      await rm(join(folder, '.task'), { recursive: true, force: true });
      const changed = await changedWheel(wheels);
      if (changed !== undefined) return err(changed);
      return ok({ site: 'site', data: 'data', installed: await installedPackages(join(folder, 'site')) });
    },
    { signal: context.signal },
  );
}

/** A wheel by path may be replaced while pip reads it: the entry would not be what its fingerprint says. */
async function changedWheel(wheels: readonly PathWheel[]): Promise<Failure | undefined> {
  for (const { file, digest } of wheels) {
    const now = await digestFile(file).catch(unlessDeviceFailed(undefined));
    if (now?.digest !== digest) {
      return {
        code: 'fetch/wheel-digest',
        what: `\`${file}\` changed while it was installed.`,
        fix: ['Run the same command again.'],
      };
    }
  }
  return undefined;
}

/** The modules of `python.paths`, compiled: in the folder `site` of the entry. */
export type CompiledModules = StoreEntry<{ readonly site: string }>;

/** Compiles modules by the interpreter of the target's version; a module that cannot be compiled is a failure at its place. */
export function compileModules(
  context: Context,
  store: Store,
  host: PipHost,
  modules: Modules,
): Promise<Result<CompiledModules>> {
  const inputs = {
    what: 'python modules',
    version: PACKAGES_VERSION,
    modules: modules.digest,
    archives: modules.archives,
    reference: host.interpreter.fingerprint,
  };
  return store.obtain<{ site: string }>(
    'builds',
    inputs,
    async (folder) => {
      const task = {
        log: 'python-modules',
        doing: 'Compiling the modules of `python.paths`',
        code: 'build/python-modules' as const,
        fix: ['See what the interpreter says above.'],
      };
      const run = await compileStaged(context, host, folder, task, async (staged) => {
        await copyCode(modules.files, staged);
        for (const name of modules.archives) await writeFile(join(staged, `${name}.pth`), `${name}\n`);
      });
      if (!run.ok) return run;
      const failure = await wrongModules(modules, run.value);
      return failure === undefined ? ok({ site: 'site' }) : err(failure);
    },
    { signal: context.signal },
  );
}

interface Told {
  readonly wrong: readonly { file: string; line: number; column: number; message: string }[];
  /** Modules that the standard library has, too. */
  readonly standard: readonly string[];
}

async function wrongModules({ files }: Modules, output: string): Promise<Failure | undefined> {
  const { wrong, standard } = JSON.parse(output.trim().split('\n').at(-1) as string) as Told;
  const sourceOf = (path: string): string => files.find((file) => file.path === path)?.source ?? path;
  const failures: Failure[] = [];
  for (const { file, line, column, message } of wrong) {
    const source = sourceOf(file);
    const text = (await readFile(source, 'latin1').catch(unlessDeviceFailed(''))).split('\n')[line - 1];
    failures.push({
      code: 'build/python-syntax',
      what: `\`${file}\` cannot be compiled: ${message}.`,
      fix: ['Fix this line. A template that is no module needs another ending than `.py`.'],
      at: { file: source, line, column, ...defined({ text }) },
    });
  }
  for (const name of standard) {
    failures.push({
      code: 'recipe/python-collision',
      what: `\`python.paths\` has a module \`${name}\`, and so has the standard library.`,
      why: 'The standard library comes first: this module would never be imported.',
      fix: ['Give it another name.'],
      see: files
        .filter(({ path }) => path.split(/[/.]/)[0] === name)
        .map(({ source }) => source)
        .slice(0, 1),
    });
  }
  const [first, ...also] = failures;
  return first === undefined ? undefined : { ...first, ...(also.length > 0 ? { also } : {}) };
}

/** The package folder of the interpreter in a tree, relative to its prefix; a distribution may have patched it. */
export async function sitePath(root: string, python: Pick<PythonDistribution, 'stdlib'>): Promise<string> {
  const site = (await readFile(join(root, python.stdlib, 'site.py'), 'utf8').catch(absentAsUndefined)) ?? '';
  return distribution.python.sitePackages(site) ?? `${python.stdlib.replace(/^usr\//, '')}/site-packages`;
}
