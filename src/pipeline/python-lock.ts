import { rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hashOption, mountAt, type PipHost, runPythonTask, WORK } from '../bundle/python-task.ts';
import { mountSource, nameWith, REQUIRES_AT, referTo } from '../bundle/wheels.ts';
import type { IndexRequirement, PythonProject } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Mount } from '../engine/engine.ts';
import type { Failure } from '../failure.ts';
import {
  formatPythonLock,
  isLocked,
  type LockedWheel,
  type PythonLock,
  projectKey,
} from '../lock/python-lock.ts';
import type { PackageEnvironment } from '../requirements/environment.ts';
import { readProject } from '../requirements/project.ts';
import { parseWheelName } from '../requirements/wheel-name.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { type BuiltProject, buildProject, fetchBuildWheels, pipHost, uniqueProjects } from './packages.ts';
import { type Planned, startRun } from './prepare.ts';
import type { EnvironmentInputs } from './python-inputs.ts';
import type { Session } from './session.ts';

/** Finds the exact packages of a recipe, and writes their lock; undefined where its sources state everything themselves. */
export async function lockPython(
  session: Session,
  planned: Planned,
  logs: string,
): Promise<Result<PythonLock | undefined>> {
  const { plan, python } = planned;
  const packages = python?.packages;
  const file = plan.pythonLock;
  if (packages === undefined || file === undefined) return ok(undefined);
  const { target, reference, machine } = packages;
  if ([target, reference].every(({ selection }) => isLocked(selection))) return ok(undefined);
  if (session.context.settings.offline) return err(offline());
  const run = await startRun(session, planned, { logs });
  if (!run.ok) return run;
  const tree = await run.value.trees.make('interpreter');
  if (!tree.ok) return tree;
  const host = pipHost(session, plan, { interpreter: tree.value, logs });
  const build: Record<string, readonly LockedWheel[]> = {};
  const built: BuiltProject[] = [];
  for (const project of uniqueProjects([...target.selection.projects, ...reference.selection.projects])) {
    const requires = await lockBuild(session, host, project, machine, target.selection.options);
    if (!requires.ok) return requires;
    build[projectKey(file, project)] = requires.value;
    const wheel = await buildProject(session, host, project, requires.value, machine);
    if (!wheel.ok) return wheel;
    built.push({ project, wheel: wheel.value });
  }
  const onTarget = await resolvePackages(session, host, target, built, []);
  if (!onTarget.ok) return onTarget;
  // Both import the same versions.
  const same = onTarget.value.map(({ name, version }) => `${name}==${version}`);
  const onReference = await resolvePackages(session, host, reference, built, same);
  if (!onReference.ok) return onReference;
  const lock: PythonLock = {
    ...{ schema: 1, requirements: packages.checksum, target: onTarget.value },
    ...{ reference: onReference.value, build },
  };
  const temporary = `${file.file}.new`;
  await writeFile(temporary, formatPythonLock(lock));
  await rename(temporary, file.file);
  return ok(lock);
}

function offline(): Failure {
  return {
    code: 'fetch/packages-offline',
    what: 'A lock asks an index for versions, and --offline prevents that.',
    fix: ['Run it without `--offline`.'],
  };
}

/** What the build of a project requires: what it states, and what its backend asks for when it has that. */
async function lockBuild(
  session: Session,
  host: PipHost,
  project: PythonProject,
  machine: PackageEnvironment,
  options: readonly string[],
): Promise<Result<readonly LockedWheel[]>> {
  const stated = await askRequires(session, host, project, machine, undefined);
  if (!stated.ok) return stated;
  const first = await resolveLines(session, host, {
    ...{ environment: machine, lines: stated.value, options, constraints: [], mounts: [] },
    log: `python-build-requires-${basename(project.path)}`,
  });
  if (!first.ok) return first;
  const all = await askRequires(session, host, project, machine, first.value);
  if (!all.ok || all.value.length === stated.value.length) return all.ok ? first : all;
  return resolveLines(session, host, {
    ...{ environment: machine, lines: all.value, options, constraints: [], mounts: [] },
    log: `python-build-requires-${basename(project.path)}`,
  });
}

/** Requirements of a build; with the wheels of those it states, its backend is asked, too. */
async function askRequires(
  session: Session,
  host: PipHost,
  project: PythonProject,
  machine: PackageEnvironment,
  requires: readonly LockedWheel[] | undefined,
): Promise<Result<readonly string[]>> {
  const source = await readProject(project);
  if (!source.ok) return source;
  const fetched =
    requires === undefined
      ? ok(undefined)
      : await fetchBuildWheels(session, host, project, requires, machine);
  if (!fetched.ok) return fetched;
  return withTemporaryFolder(session.store.folder, 'requires', async (folder) => {
    const mounted = await mountSource(project, source.value, folder);
    const wheels = fetched.value;
    const run = await runPythonTask(
      session.context,
      host,
      {
        task: 'requires',
        log: `python-requires-${basename(project.path)}`,
        doing: `Asking the build of ${project.path} for its requirements`,
        code: 'build/python-package',
        fix: ['Fix what its build backend says above.'],
        job: {
          source: mounted.at,
          to: `${WORK}/requires.json`,
          ask: requires !== undefined,
          folders: wheels === undefined ? [] : [REQUIRES_AT],
        },
        network: false,
        mounts: [
          mountAt(mounted.source, mounted.at),
          ...(wheels === undefined ? [] : [mountAt(join(wheels.folder, wheels.meta.wheels), REQUIRES_AT)]),
        ],
        copy: [],
        quiet: true,
      },
      folder,
    );
    return run.ok ? ok(JSON.parse(run.value.trim().split('\n').at(-1) as string) as string[]) : run;
  });
}

/** The packages of an environment, beside those that are here as wheels. */
function resolvePackages(
  session: Session,
  host: PipHost,
  { environment, selection }: EnvironmentInputs,
  built: readonly BuiltProject[],
  same: readonly string[],
): Promise<Result<readonly LockedWheel[]>> {
  const { index, wheels, projects, constraints, options } = selection;
  const wanted = built.filter(({ project }) => projects.some(({ path }) => path === project.path));
  const here = wanted.map(({ project, wheel }, i) => {
    const { name = '' } = parseWheelName(wheel.meta.file) ?? {};
    const at = `${WHEELS_AT}/${i}`;
    const line = referTo(name, project.extras, `${at}/${wheel.meta.file}`);
    return { line, mount: mountAt(join(wheel.folder, wheel.meta.wheels), at) };
  });
  return resolveLines(session, host, {
    environment,
    lines: [
      ...index.map(textOf),
      ...wheels.map(({ name, extras, file }) =>
        referTo(name, extras, `${WHEELS_AT}/named/${basename(file)}`),
      ),
      ...here.map(({ line }) => line),
    ],
    options,
    constraints: [...constraints.map(textOf), ...same],
    mounts: [
      ...wheels.map(({ file }) => mountAt(file, `${WHEELS_AT}/named/${basename(file)}`)),
      ...here.map(({ mount }) => mount),
    ],
    log: `packages-${environment.triple}-lock`,
    allowed: new Map(index.map(({ name, hashes }) => [name, hashes] as const)),
  });
}

/** Where a sandbox sees the wheels that are here: not of an index, and not in the lock's lists. */
const WHEELS_AT = '/job/wheels';

function textOf({ name, extras, specifier, address }: IndexRequirement): string {
  return `${nameWith(name, extras)}${address === undefined ? specifier : ` @ ${address}`}`;
}

interface Resolution {
  readonly environment: PackageEnvironment;
  readonly lines: readonly string[];
  readonly options: readonly string[];
  readonly constraints: readonly string[];
  readonly mounts: readonly Mount[];
  readonly log: string;
  /** Digests that the sources state themselves. */
  readonly allowed?: ReadonlyMap<string, readonly string[]>;
}

interface Told {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string | null;
  readonly local: boolean;
}

/** Asks pip for the packages that requirements need, all of them wheels for the environment. */
async function resolveLines(
  { context, recorder, store }: Session,
  host: PipHost,
  { environment, lines, options, constraints, mounts, log, allowed }: Resolution,
): Promise<Result<readonly LockedWheel[]>> {
  if (lines.length === 0) return ok([]);
  return recorder.stage(
    'packages',
    `Versions of Python packages for ${environment.triple}`,
    () =>
      withTemporaryFolder(store.folder, 'resolve', async (folder) => {
        const run = await runPythonTask(
          context,
          host,
          {
            task: 'resolve',
            log,
            doing: `Resolving Python packages for ${environment.triple}`,
            code: 'fetch/packages',
            fix: [
              "Check the network, the proxy settings, the CA bundle and pip's own configuration; then run the same command again.",
            ],
            environment,
            job: { to: `${WORK}/resolved.json`, local: `file://${WHEELS_AT}/`, constraints },
            requirements: [...options, ...lines],
            options,
            network: true,
            mounts,
            copy: [],
            quiet: true,
          },
          folder,
        );
        if (!run.ok) return run;
        const told = JSON.parse(run.value.trim().split('\n').at(-1) as string) as Told[];
        return toLocked(told, allowed);
      }),
    (found) => ({ hit: false, detail: `${found.length} ${found.length === 1 ? 'package' : 'packages'}` }),
  );
}

function toLocked(
  told: readonly Told[],
  allowed: ReadonlyMap<string, readonly string[]> = new Map(),
): Result<readonly LockedWheel[]> {
  const found: LockedWheel[] = [];
  for (const { name, version, file, sha256, local } of told) {
    if (local) continue;
    const digest = `sha256:${sha256}`;
    const stated = allowed.get(name) ?? [];
    if (sha256 === null || (stated.length > 0 && !stated.includes(digest))) {
      return err({
        code: 'fetch/wheel-digest',
        what:
          sha256 === null
            ? `The index states no SHA-256 of \`${file}\`.`
            : `The wheel of \`${name}\` that fits does not have a digest that is stated for it.`,
        why: `\`${file}\` has ${digest}.`,
        fix: [`Add \`${hashOption(digest)}\` to its requirement, or leave the digests of it out.`],
      });
    }
    found.push({ name, version, file, digest });
  }
  return ok(found);
}
