import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from '../domain/context.ts';
import type { IndexRequirement, PythonProject } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { PackageEnvironment } from '../requirements/environment.ts';
import { copyCode } from '../requirements/files.ts';
import type { ProjectSource } from '../requirements/project.ts';
import { parseWheelName } from '../requirements/wheel-name.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { hashOption, mountAt, offline, type PipHost, runPythonTask, WORK } from './python-task.ts';

/** Incremented when equal inputs give different files. */
const VERSION = 1;

/** Wheels, in the folder `wheels` of the entry. */
export type Wheels = StoreEntry<{ readonly wheels: string }>;

export interface FetchInput {
  readonly requirements: readonly IndexRequirement[];
  readonly environment: PackageEnvironment;
  /** Options of pip that name indexes. */
  readonly options: readonly string[];
  /** For the log's name. */
  readonly log: string;
}

/** Fetches wheels by version and digest, from the index that this machine is configured for; pip verifies the digests. */
export function fetchWheels(
  context: Context,
  store: Store,
  host: PipHost,
  input: FetchInput,
): Promise<Result<Wheels>> {
  const { environment, requirements } = input;
  const lines = requirements.map(lineOf).sort();
  const { tags, version } = environment;
  const inputs = {
    what: 'python wheels',
    version: VERSION,
    requirements: lines,
    python: version,
    tags: { minor: tags.minor, abiflags: tags.abiflags, platforms: tags.platforms },
    reference: host.interpreter.fingerprint,
  };
  return store.obtain<{ wheels: string }>(
    'builds',
    inputs,
    async (folder) => {
      if (context.settings.offline) return err(offline());
      const run = await runPythonTask(
        context,
        host,
        {
          task: 'fetch',
          log: input.log,
          doing: `Fetching Python packages for ${environment.triple}`,
          code: 'fetch/packages',
          fix: [
            "Check the network, the proxy settings, the CA bundle and pip's own configuration; then run the same command again.",
          ],
          environment,
          job: { to: `${WORK}/wheels` },
          requirements: [...input.options, ...lines],
          options: input.options,
          network: true,
          mounts: [],
          copy: [[`${WORK}/wheels`, join(folder, 'wheels')]],
        },
        folder,
      );
      await rm(join(folder, '.task'), { recursive: true, force: true });
      return run.ok ? ok({ wheels: 'wheels' }) : run;
    },
    { signal: context.signal },
  );
}

/** A requirement as pip reads it, with its digests. */
function lineOf({ name, extras, specifier, address, hashes }: IndexRequirement): string {
  const what = address === undefined ? specifier : ` @ ${address}`;
  return [`${nameWith(name, extras)}${what}`, ...hashes.toSorted().map(hashOption)].join(' ');
}

export function nameWith(name: string, extras: readonly string[]): string {
  return extras.length === 0 ? name : `${name}[${extras.toSorted().join(',')}]`;
}

/** A requirement of one file that a sandbox sees at a path: no other of its name is taken. */
export function referTo(name: string, extras: readonly string[], path: string): string {
  return `${nameWith(name, extras)} @ ${pathToFileURL(path).href}`;
}

export interface BuildInput {
  readonly project: PythonProject;
  readonly source: ProjectSource;
  /** Wheels of what its build requires; absent: nothing is required. */
  readonly requires?: Wheels;
  readonly log: string;
}

/** A wheel that was built, in the folder `wheels` of the entry. */
export type BuiltWheel = StoreEntry<{ readonly wheels: string; readonly file: string }>;

const SOURCE_AT = '/job/source';
export const REQUIRES_AT = '/job/requires';

/** Builds the wheel of a project, without a network, with the wheels of its locked build requirements alone. */
export function buildWheel(
  context: Context,
  store: Store,
  host: PipHost,
  { project, source, requires, log }: BuildInput,
): Promise<Result<BuiltWheel>> {
  const inputs = {
    what: 'python wheel built',
    version: VERSION,
    source: source.digest,
    requires: requires?.fingerprint ?? null,
    reference: host.interpreter.fingerprint,
  };
  return store.obtain<{ wheels: string; file: string }>(
    'builds',
    inputs,
    async (folder) => {
      const mounted = await mountSource(project, source, folder);
      const run = await runPythonTask(
        context,
        host,
        {
          task: 'build',
          log,
          doing: `Building the Python package ${project.path}`,
          code: 'build/python-package',
          fix: [
            'Fix what its build backend says above.',
            'If it compiles an extension module: that is not done here. Build its wheels for the target and for this machine and name them by their paths.',
          ],
          job: {
            source: mounted.at,
            to: `${WORK}/wheels`,
            folders: requires === undefined ? [] : [REQUIRES_AT],
          },
          network: false,
          mounts: [
            mountAt(mounted.source, mounted.at),
            ...(requires === undefined
              ? []
              : [mountAt(join(requires.folder, requires.meta.wheels), REQUIRES_AT)]),
          ],
          copy: [[`${WORK}/wheels`, join(folder, 'wheels')]],
        },
        folder,
      );
      if (!run.ok) return run;
      await tidy(folder);
      const [file = ''] = await readdir(join(folder, 'wheels'));
      const name = parseWheelName(file);
      if (name?.platforms.includes('any') === true && name.abis.includes('none'))
        return ok({ wheels: 'wheels', file });
      return err({
        code: 'build/native-wheel',
        what: `The build of \`${project.path}\` made \`${file}\`: a wheel with extension modules for this machine.`,
        why: 'A build runs on the machine that builds, and what it compiles is for that machine and its C library.',
        fix: [
          'Build its wheels for the target and for this machine (cibuildwheel does) and name both by their paths.',
          'Or let it build without them, if its backend has a setting for that.',
        ],
        at: project.at,
      });
    },
    { signal: context.signal },
  );
}

/** Where a sandbox sees a project: all of what was counted of a folder, or the archive under its own name. */
export async function mountSource(
  { path, kind }: PythonProject,
  { files }: ProjectSource,
  folder: string,
): Promise<{ readonly source: string; readonly at: string }> {
  if (kind === 'archive' || files === undefined)
    return { source: path, at: `${SOURCE_AT}/${path.slice(path.lastIndexOf('/') + 1)}` };
  const staged = join(folder, '.source');
  await mkdir(staged, { recursive: true });
  await copyCode(files, staged);
  return { source: staged, at: SOURCE_AT };
}

async function tidy(folder: string): Promise<void> {
  for (const name of ['.task', '.source']) await rm(join(folder, name), { recursive: true, force: true });
}
