import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildMounts } from '../../build/build.ts';
import { transportNotices } from '../../build/cargo-notices.ts';
import { fetchMounts } from '../../build/crates.ts';
import { explainFetch } from '../../build/fetch-failure.ts';
import { FETCH_PROGRAMS } from '../../build/fetch-programs.ts';
import { fetchConfigurations, fetchVariables } from '../../build/fetch-step.ts';
import { type FetchAccess, hostCargo } from '../../build/host-cargo.ts';
import { linkedObjects } from '../../build/linked-objects.ts';
import { sealCrates } from '../../build/sealed-crates.ts';
import { fillBuildView } from '../../build/view.ts';
import type { Blocker } from '../../domain/blocker.ts';
import { cargoSelection } from '../../domain/crate.ts';
import { defined } from '../../domain/defined.ts';
import { absentAsUndefined } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Sample } from '../../domain/sample.ts';
import { shellCommand } from '../../domain/shell.ts';
import type { Mount } from '../../engine/engine.ts';
import { PATHS } from '../../engine/paths.ts';
import { crateAt } from '../../engine/project-paths.ts';
import { runTool } from '../../engine/tool.ts';
import { type BuildEnv, bareVariables } from '../../env/env.ts';
import type { Failure } from '../../failure.ts';
import type { Prepared, Run } from '../../pipeline/prepare.ts';
import type { Session } from '../../pipeline/session.ts';
import { commandOf } from '../../run/observe.ts';
import { type RuntimeInstance, SCRATCH_AT, SUITE_AT } from '../../runtime/instance.ts';
import { programFile, programFormat } from '../../runtime/program/program.ts';
import type { Tree } from '../../toolchain/tree.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { BuildInputs } from './step.ts';

/** What every attempt is made with. */
export interface ProbeContext {
  readonly session: Session;
  readonly run: Run;
  readonly diagnostics: Diagnostics;
  readonly toolchain: Tree;
  /** Folder on the store's file system that is removed in the end. */
  readonly scratch: string;
  /** Folder for the logs. */
  readonly logs: string;
  /** Name of the volume that cargo's target folder is. */
  readonly volume: string;
}

/** The same before there is a toolchain. */
export type ProbeSetup = Omit<ProbeContext, 'toolchain'>;

export interface Attempt {
  readonly command: string;
  /** Milliseconds, wall. */
  readonly ms: number;
  /** What stopped it; absent: it came to its end. */
  readonly blocker?: Blocker;
}

/** The blocker that a failure is; Ctrl-C is none and stays a failure. */
function blockerOf({ session, diagnostics }: ProbeContext, stage: string, failure: Failure): Result<Blocker> {
  if (session.context.signal.aborted) return err(failure);
  diagnostics.explain(stage, failure);
  return diagnostics.latest === undefined ? err(failure) : ok(diagnostics.latest);
}

/** Fetches the crates, as any first build does; the attempts after it are made without network. */
export async function fetchCrates(context: ProbeContext): Promise<Result<void>> {
  const { session, run, toolchain } = context;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const { root } = run.plan.recipe.project;
  const lock = (await readFile(join(root, 'Cargo.lock'), 'utf8').catch(absentAsUndefined)) ?? '';
  return sealCrates(
    {
      ...{ context: session.context, store: session.store, engine: engine.value, rootfs: toolchain.folder },
      lock,
      // A probe fetches always: what it shows is what a first build meets.
      inputs: {},
      always: true,
    },
    () => fetchWithCargo(context, lock),
  );
}

async function fetchWithCargo(context: ProbeContext, lock: string): Promise<Result<void>> {
  const { session, run } = context;
  const { offline } = session.context.settings;
  const { project } = run.plan.recipe;
  const configured = await hostCargo(session.context.settings, run.plan.cargo, {});
  if (!configured.ok) return configured;
  const access = configured.value.fetching(lock);
  for (const notice of transportNotices(run.plan.cargo, project, access)) session.context.emit(notice);
  const box = await openBuild(context, access, NOTHING, []);
  if (!box.ok) return box;
  await using sandbox = box.value.sandbox;
  const cargo = run.plan.toolchain.tools.cargo ?? 'cargo';
  const exit = await runTool(session.context, sandbox, {
    stage: 'build',
    code: offline ? 'fetch/crates-offline' : 'fetch/crates',
    doing: 'Fetching the crates',
    fix: [offline ? 'Run once without `--offline`.' : 'Run the same command again: what is fetched is kept.'],
    log: await logFile(context, 'crates'),
    command: {
      // What an earlier probe built would make this one seem quicker than it is.
      argv: [
        'sh',
        '-c',
        `rm -rf ${PATHS.target}/*; exec "$@"`,
        'sh',
        cargo,
        'fetch',
        '--locked',
        ...(offline ? ['--offline'] : []),
      ],
      env: {
        ...fetchVariables(bareVariables(run.plan), { env: {} }, access),
        ...access.env,
        ...FETCH_PROGRAMS,
      },
      cwd: crateAt(project),
    },
  });
  return exit.ok ? ok(undefined) : err(explainFetch(exit.error, run.plan));
}

export interface BuildAttempt extends Attempt {
  /** Host file of the program. */
  readonly program?: string;
}

/** `cargo build --target …` with an environment, in a sandbox that sees part of the sysroot. */
export async function tryBuild(
  context: ProbeContext,
  input: BuildInputs & {
    readonly name: string;
    /** What a whole build has: the files that its environment names are of it. */
    readonly prepared?: Pick<Prepared, 'env' | 'sysroot'>;
    /** Folder seen as the target's sysroot; absent: none. */
    readonly sysroot?: string;
  },
): Promise<Result<BuildAttempt>> {
  const { session, run } = context;
  const { plan } = run;
  const { project } = plan.recipe;
  const objects = await objectsFor(context, input.prepared);
  if (!objects.ok) return objects;
  const mounts: readonly Mount[] = [
    ...(input.sysroot === undefined
      ? []
      : [{ kind: 'tree', source: input.sysroot, at: PATHS.sysroot } as const]),
    ...objects.value,
  ];
  const files = { ...(input.prepared?.env ?? NOTHING), pyo3Config: input.config };
  const box = await openBuild(context, 'build', files, mounts, input.linker);
  if (!box.ok) return box;
  await using sandbox = box.value.sandbox;
  const argv = [
    ...[
      plan.toolchain.tools.cargo ?? 'cargo',
      'build',
      '--locked',
      '--offline',
      ...cargoSelection(plan.crate),
    ],
    ...['--target', plan.target.rustTriple],
    ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
    ...(project.defaultFeatures ? [] : ['--no-default-features']),
  ] as [string, ...string[]];
  const log = await logFile(context, input.name);
  const started = performance.now();
  const exit = await runTool(session.context, sandbox, {
    stage: 'build',
    code: 'build/failed',
    doing: `Building ${project.bin} for ${plan.target.rustTriple}`,
    fix: [],
    log,
    command: { argv, env: input.env, cwd: crateAt(project) },
  });
  const attempt = { command: shellCommand(argv), ms: Math.round(performance.now() - started) };
  if (!exit.ok) {
    const blocker = blockerOf(context, 'build', exit.error);
    return blocker.ok ? ok({ ...attempt, blocker: blocker.value }) : blocker;
  }
  const name = programFile(plan.target, project.bin);
  await mkdir(join(context.scratch, input.name));
  const program = join(context.scratch, input.name, name);
  const copied = await sandbox.copyOut(`${PATHS.target}/${plan.target.rustTriple}/debug/${name}`, program);
  if (!copied.ok) return copied;
  const broken = await programFormat(plan.target).check(program, log);
  if (broken === undefined) return ok({ ...attempt, program });
  const blocker = blockerOf(context, 'build', broken);
  return blocker.ok ? ok({ ...attempt, blocker: blocker.value }) : blocker;
}

/** Starts a program with a sample script, in a runtime that may lack what it needs. */
export async function tryRun(
  context: ProbeContext,
  input: { readonly name: string; readonly instance: RuntimeInstance; readonly sample: Sample },
): Promise<Result<Attempt>> {
  const { session } = context;
  const { instance, sample } = input;
  const { argv, env, cwd, stdin } = commandOf(instance, sample);
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const started = performance.now();
  const exit = await startIn(
    context,
    input.name,
    engine.value.open({
      rootfs: instance.rootfs,
      mounts: [
        ...instance.mounts,
        { kind: 'source', source: sample.suite, at: SUITE_AT },
        { kind: 'scratch', at: SCRATCH_AT, temporary: true },
      ],
      network: 'none',
      hostname: 'sample',
    }),
    { argv, env, cwd, ...defined({ stdin }), timeoutMs: sample.timeoutSeconds * 1000 },
  );
  const attempt = { command: shellCommand(argv), ms: Math.round(performance.now() - started) };
  if (exit.ok) return ok(attempt);
  const blocker = blockerOf(context, 'run', exit.error);
  return blocker.ok ? ok({ ...attempt, blocker: blocker.value }) : blocker;
}

type Opening = ReturnType<Extract<Awaited<ReturnType<Session['engine']>>, { ok: true }>['value']['open']>;

async function startIn(
  context: ProbeContext,
  name: string,
  opening: Opening,
  command: Parameters<typeof runTool>[2]['command'],
): Promise<Result<unknown>> {
  const opened = await opening;
  if (!opened.ok) return opened;
  await using sandbox = opened.value;
  return await runTool(context.session.context, sandbox, {
    stage: 'run',
    code: 'build/does-not-start',
    doing: 'Starting the program',
    fix: [],
    log: await logFile(context, name),
    command,
  });
}

async function objectsFor(
  { session, toolchain }: ProbeContext,
  prepared: Pick<Prepared, 'env' | 'sysroot'> | undefined,
): Promise<Result<readonly Mount[]>> {
  if (prepared === undefined) return ok([]);
  const engine = await session.engine();
  return engine.ok
    ? linkedObjects(session.context, session.store, engine.value, { toolchain, ...prepared })
    : engine;
}

/** A build whose environment names nothing. */
const NOTHING: BuildEnv = { variables: {}, pyo3Config: '', cmakeToolchain: '', linked: {} };

async function openBuild(
  context: ProbeContext,
  use: 'build' | FetchAccess,
  files: BuildEnv,
  more: readonly Mount[],
  linker?: string,
) {
  const { session, run, toolchain } = context;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const cargo = await hostCargo(session.context.settings, run.plan.cargo, {});
  if (!cargo.ok) return cargo;
  const folder = join(context.scratch, 'view');
  const view = await fillBuildView(session.context, folder, {
    ...{ resolved: run.plan, env: files, cargo: cargo.value, logs: context.logs },
  });
  if (!view.ok) return view;
  if (linker !== undefined) await writeFile(join(view.value.env, 'linker'), linker, { mode: 0o755 });
  // Neither the sysroot, for which the toolchain stands in here, nor what builds of the recipe itself have left.
  const input = { resolved: run.plan, toolchain, sysroot: toolchain };
  const whole = buildMounts(input, view.value);
  const mounts = (use === 'build' ? whole : fetchMounts(whole)).filter(
    ({ at }) => at !== PATHS.sysroot && at !== PATHS.target,
  );
  const { project } = run.plan.recipe;
  const covers = use === 'build' ? ok([]) : await fetchConfigurations(view.value, project, use);
  if (!covers.ok) return covers;
  const sandbox = await engine.value.open({
    rootfs: toolchain.folder,
    network: use === 'build' || session.context.settings.offline ? 'none' : 'host',
    mounts: [
      ...mounts,
      ...covers.value,
      { kind: 'volume', name: context.volume, at: PATHS.target },
      ...more,
      ...cargo.value.sources,
      ...(use === 'build' ? [] : use.mounts),
    ],
  });
  return sandbox.ok ? ok({ sandbox: sandbox.value }) : sandbox;
}

async function logFile({ logs }: ProbeContext, name: string): Promise<string> {
  await mkdir(logs, { recursive: true });
  const file = join(logs, `${name}.log`);
  await writeFile(file, '');
  return file;
}
