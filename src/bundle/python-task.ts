import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Engine, Mount } from '../engine/engine.ts';
import { hostPip } from '../engine/host-pip.ts';
import { runTool } from '../engine/tool.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import type { PackageEnvironment } from '../requirements/environment.ts';
import type { Json } from '../store/store.ts';

/** The interpreter whose pip does the work. */
export interface PipHost {
  /** Root that holds the interpreter of this machine and pip's wheel. */
  readonly interpreter: { readonly folder: string; readonly fingerprint: string };
  /** Path of its program. */
  readonly python: string;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

export interface PythonTask {
  /** A task of `python_packages.py`. */
  readonly task: 'fetch' | 'resolve' | 'newest' | 'requires' | 'build' | 'install' | 'modules';
  /** Name of its log below the folder of logs. */
  readonly log: string;
  readonly doing: string;
  readonly code: Failure['code'];
  readonly fix: readonly string[];
  /** For which interpreter wheels are chosen; absent: the one that pip runs on. */
  readonly environment?: PackageEnvironment;
  readonly job: Readonly<Record<string, Json>>;
  /** Lines of a requirements file, which the job finds as `requirements`. */
  readonly requirements?: readonly string[];
  readonly network: boolean;
  readonly mounts: readonly Mount[];
  /** Options of pip that name folders of this machine. */
  readonly options?: readonly string[];
  /** Paths in the sandbox → paths of this machine. */
  readonly copy: readonly (readonly [string, string])[];
  /** Standard output is the task's result: not for the log. */
  readonly quiet?: boolean;
}

/** Where a task may write. */
export const WORK = '/job/work';
const SCRIPT_AT = '/job/python_packages.py';
const FILES_AT = '/job/task';

/** Runs a task in that interpreter's sandbox; `folder` gets its input files. Returns its standard output. */
export async function runPythonTask(
  context: Context,
  host: PipHost,
  task: PythonTask,
  folder: string,
): Promise<Result<string>> {
  const engine = await host.engine();
  if (!engine.ok) return engine;
  await mkdir(host.logs, { recursive: true });
  const log = join(host.logs, `${task.log}.log`);
  await writeFile(log, '');
  const files = join(folder, '.task');
  await mkdir(files, { recursive: true });
  await writeFile(join(files, 'requirements.txt'), `${(task.requirements ?? []).join('\n')}\n`);
  await writeFile(
    join(files, 'job.json'),
    JSON.stringify({
      ...environmentOf(task.environment),
      ...task.job,
      wheels: distribution.python.wheels,
      requirements: `${FILES_AT}/requirements.txt`,
    }),
  );
  const pip = task.network ? await hostPip(context.settings) : { env: OFFLINE, mounts: [] };
  const sandbox = await engine.value.open({
    rootfs: host.interpreter.folder,
    network: task.network ? 'host' : 'none',
    mounts: [
      {
        kind: 'source',
        source: join(context.settings.home, 'src', 'bundle', 'python_packages.py'),
        at: SCRIPT_AT,
      },
      { kind: 'source', source: files, at: FILES_AT },
      { kind: 'scratch', at: WORK },
      ...pip.mounts,
      ...(task.network ? await linkFolders(task.options ?? []) : []),
      ...task.mounts,
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const run = await runTool(context, box, {
    ...{ stage: 'packages', code: task.code, doing: task.doing, fix: task.fix, log },
    ...(task.quiet === true ? { quietStdout: true } : {}),
    command: {
      argv: [host.python, '-s', '-P', SCRIPT_AT, task.task, `${FILES_AT}/job.json`],
      env: {
        PATH: '/usr/bin:/bin',
        LANG: 'C.UTF-8',
        TMPDIR: WORK,
        HOME: WORK,
        SOURCE_DATE_EPOCH: '315532800',
        COLUMNS: '200',
        ...pip.env,
      },
      cwd: WORK,
    },
  });
  if (!run.ok) {
    const output = await readFile(log, 'utf8');
    return err(explain(run.error, task, output));
  }
  for (const [from, to] of task.copy) {
    const copied = await box.copyOut(from, to);
    if (!copied.ok) return copied;
  }
  return ok(Buffer.from(run.value.stdout).toString('utf8'));
}

/** pip without the machine's settings, where it needs no index. */
const OFFLINE = {
  PIP_CONFIG_FILE: '/dev/null',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_NO_INPUT: '1',
  PIP_NO_CACHE_DIR: '1',
};

/** The part of a job that says for which interpreter wheels are chosen. */
function environmentOf(environment: PackageEnvironment | undefined): Record<string, Json> {
  if (environment === undefined) return {};
  const { variables, version, tags } = environment;
  return {
    environment: variables,
    python: version.replace(/(a|b|rc)\d+$/, ''),
    abi: `cp${tags.minor.replace('.', '')}${tags.abiflags}`,
    platforms: tags.platforms,
  };
}

/** Folders of wheels that an option names: the sandbox sees them at their own paths. */
async function linkFolders(options: readonly string[]): Promise<readonly Mount[]> {
  const named = options.flatMap((option) => /^(?:--find-links|-f)[=\s]\s*(\/.*)$/.exec(option)?.[1] ?? []);
  const found = await Promise.all(named.map((path) => exists(path)));
  return named.flatMap((path, i) => (found[i] ? [{ kind: 'source', source: path, at: path }] : []));
}

/**
 * Compiles the modules that `stage` puts into a folder, by the interpreter of this machine, into the folder `site` of `folder`.
 */
export async function compileStaged(
  context: Context,
  host: PipHost,
  folder: string,
  task: Pick<PythonTask, 'log' | 'doing' | 'code' | 'fix'>,
  stage: (staged: string) => Promise<void>,
): ReturnType<typeof runPythonTask> {
  const staged = join(folder, '.source');
  await mkdir(staged, { recursive: true });
  await stage(staged);
  const run = await runPythonTask(
    context,
    host,
    {
      ...task,
      task: 'modules',
      job: { source: '/job/modules', to: `${WORK}/site` },
      network: false,
      mounts: [mountAt(staged, '/job/modules')],
      copy: [[`${WORK}/site`, join(folder, 'site')]],
      quiet: true,
    },
    folder,
  );
  for (const name of ['.task', '.source']) await rm(join(folder, name), { recursive: true, force: true });
  return run;
}

export function mountAt(source: string, at: string): Mount {
  return { kind: 'source', source, at };
}

/** Recognizes pip's messages about wheels and digests; any other failure is returned unchanged. */
function explain(failure: Failure, { environment, task }: PythonTask, output: string): Failure {
  const [, wanted, by] =
    /No matching distribution found for ([^\s(]+)[^\n(]*(?:\(from ([^)\s]+))?/.exec(output) ?? [];
  if (wanted !== undefined && environment !== undefined && task === 'install') {
    return {
      ...failure,
      code: 'recipe/python-packages',
      what: `\`${wanted}\` is needed${by === undefined ? '' : ` by ${by}`}, and \`python.packages\` does not have it.`,
      why: 'A package is installed with all it depends on, or not at all.',
      fix: [
        'Name it, too, with version and digests; or leave the digests out and run `provision lock`, which finds what is needed.',
      ],
    };
  }
  if (wanted !== undefined && environment !== undefined) return noWheel(failure, wanted, environment);
  if (/DO NOT MATCH THE HASHES/.test(output)) {
    return {
      ...failure,
      code: 'fetch/wheel-digest',
      what: 'A wheel from the index does not have the digest given in `python.packages`.',
      fix: [
        'It was not installed. Give the digests of the wheels for the target and for the reference: `pip hash <wheel>`.',
      ],
    };
  }
  const conflict = /ResolutionImpossible|conflicting dependencies/.test(output);
  if (conflict) {
    return {
      ...failure,
      code: 'recipe/python-versions',
      what: 'No versions of the packages fit each other.',
      fix: ['Widen one of the version ranges that pip names above.'],
    };
  }
  return failure;
}

function noWheel(failure: Failure, wanted: string, { tags, triple, why }: PackageEnvironment): Failure {
  return {
    ...failure,
    code: 'fetch/no-wheel',
    what: `There is no wheel of ${wanted} for CPython ${tags.minor} on ${triple}.`,
    why:
      why ??
      'The index that pip is configured for has no compatible wheel, and packages from it are never compiled here.',
    fix: [
      'Use a version that has one, or configure an index that does (`pip config set global.index-url …`).',
      'Or leave it out for this target, with a separate recipe that sets `python.packages`.',
    ],
  };
}

export function offline(): Failure {
  return {
    code: 'fetch/packages-offline',
    what: 'The Python packages of this recipe are not in the store, and --offline prevents fetching them.',
    fix: ['Run once without `--offline`.'],
  };
}

/** A digest as pip's option takes it. */
export function hashOption(digest: Digest | string): string {
  return `--hash=${digest}`;
}
