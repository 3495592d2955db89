import { basename } from 'node:path';
import { type PipHost, runPythonTask } from '../../bundle/python-task.ts';
import type { RuntimeDefinition } from '../../domain/definitions.ts';
import type { Outdated } from '../../domain/outdated.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { PackageEnvironment } from '../../requirements/environment.ts';
import { versionHas } from '../../requirements/version.ts';
import { withTemporaryFolder } from '../../store/scratch.ts';
import { pipHost } from '../packages.ts';
import { type Planned, startRun } from '../prepare.ts';
import { machineEnvironment } from '../python-inputs.ts';
import type { Session } from '../session.ts';

/** A wheel of the index in exactly one version. */
export interface UsedWheel {
  readonly kind: 'python' | 'runtime';
  readonly name: string;
  readonly version: string;
  readonly where: string;
}

/** The wheels that a recipe's target gets, and that of the runtime for WebAssembly. */
export function wheelsOfRecipe({ plan, python }: Planned): readonly UsedWheel[] {
  const packages = python?.packages;
  const stated = packages?.target.selection.index ?? [];
  const locked = packages?.lock?.target ?? stated;
  const where = basename(
    packages?.lock === undefined || plan.pythonLock === undefined ? plan.recipe.file : plan.pythonLock.file,
  );
  const runtime = plan.runtimeDefinition;
  return [
    ...locked.flatMap(({ name, version }): readonly UsedWheel[] =>
      version === undefined ? [] : [{ kind: 'python', name, version, where }],
    ),
    ...(runtime === undefined || plan.recipe.wasm?.wasmtime === 'path' ? [] : [wheelOf(runtime)]),
  ];
}

function wheelOf({ name, version, wheel }: RuntimeDefinition): UsedWheel {
  return { kind: 'runtime', name: wheel.project, version, where: `runtimes/${name}` };
}

/**
 * Asks pip, as it is set on this machine, for the newest wheel of each that fits its interpreter: the recipe's target, or the machine for a runtime.
 * Failures: those of pip and of what it runs in.
 */
export async function newerWheels(
  session: Session,
  planned: Planned,
  used: readonly UsedWheel[],
  logs: string,
): Promise<Result<readonly Outdated[]>> {
  if (used.length === 0) return ok([]);
  const run = await startRun(session, planned, { logs });
  if (!run.ok) return run;
  const tree = await run.value.trees.make('interpreter');
  if (!tree.ok) return tree;
  const host = pipHost(session, planned.plan, { interpreter: tree.value, logs });
  const machine = machineEnvironment(planned.plan, planned.locks);
  const target = planned.python?.packages?.target;
  const newer: Outdated[] = [];
  for (const kind of ['python', 'runtime'] as const) {
    const group = used.filter((one) => one.kind === kind);
    const environment = kind === 'python' ? (target?.environment ?? machine) : machine;
    const options = kind === 'python' ? (target?.selection.options ?? []) : [];
    const versions = await askIndex(session, host, { kind, group, environment, options });
    if (!versions.ok) return versions;
    newer.push(...group.flatMap((one) => compare(one, versions.value[one.name])));
  }
  return ok(newer);
}

interface Question {
  readonly kind: UsedWheel['kind'];
  readonly group: readonly UsedWheel[];
  readonly environment: PackageEnvironment;
  readonly options: readonly string[];
}

/** Name → the newest version that fits; nothing is downloaded. */
async function askIndex(
  { context, store }: Session,
  host: PipHost,
  { kind, group, environment, options }: Question,
): Promise<Result<Readonly<Record<string, string>>>> {
  if (group.length === 0) return ok({});
  return withTemporaryFolder(store.folder, 'index', async (folder) => {
    const run = await runPythonTask(
      context,
      host,
      {
        ...{ task: 'newest', log: `outdated-${kind}`, doing: 'Asking the index for newer versions' },
        code: 'fetch/packages',
        fix: [
          "Check the network, the proxy settings, the CA bundle and pip's own configuration; then run the same command again.",
        ],
        environment,
        // In a file of requirements an option and its value are one line.
        job: {
          names: group.map(({ name }) => name),
          options: options.flatMap((line) => line.split(/[=\s]\s*(.*)/s).filter(Boolean)),
        },
        ...{ options, network: true, mounts: [], copy: [], quiet: true },
      },
      folder,
    );
    if (!run.ok) return run;
    return ok(JSON.parse(run.value.trim().split('\n').at(-1) as string) as Record<string, string>);
  });
}

function compare({ kind, name, version, where }: UsedWheel, newest: string | undefined): readonly Outdated[] {
  if (newest === undefined || versionHas(newest, '>', version) !== true) return [];
  return [{ kind, name, packages: [name], version, newest, shipped: kind === 'python', where: [where] }];
}
